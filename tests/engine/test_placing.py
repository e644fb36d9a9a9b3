"""Context of other files: placed at rest, kept by name, never at the cost of the document's own rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.cache.worth import worthiest
from kvlsp.engine.context import compose
from kvlsp.engine.pace import Pace
from kvlsp.engine.placing import Placing
from kvlsp.engine.session import Session
from kvlsp.laboratory.evaluation.oracle import prefill, token_mismatches
from kvlsp.messages import ContextChunk, PlaceContext
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope
from tests.engine.test_session import edit
from tests.support.byte_tokenizer import CONTROL
from tests.support.clock import ManualClock
from tests.support.models import tiny_model

TEXT = "def area(width, height):\n    return width * height\n\nprint(area(3, 4))\n"
SHAPES = ContextChunk("shapes.py", "class Square:\n    side: int\n")
SIZES = ContextChunk("a/sizes.py", "SMALL = 1\nLARGE = 9\n")
NAMES = ContextChunk("names.py", "def name(x): ...\n")
NASTY = ContextChunk("<|file_sep|>.py", "'<|fim_middle|>' \ud800 漢\n")
ORDERS = ("suffix_first", "prefix_first", "plain")


def asking(*chunks: ContextChunk) -> PlaceContext:
    return PlaceContext("file:///app/main.py", chunks, "app", "main.py")


def session_of(model: Any, text: str = TEXT, context: int = 2048) -> Session:
    return Session(model, Snapshot("file:///app/main.py", 0, Rope.of(text), "python"), context=context,
                   generation_rows=16)


def placing_and_pace(most: int = 512) -> tuple[Placing, Pace]:
    """``most``: rows of a forward."""
    clock = ManualClock()
    return Placing(clock), Pace(clock, 0.025, least=min(16, most), most=most)


def bring(placing: Placing, session: Session, asked: PlaceContext, most: int = 1024) -> int:
    """Everything that is asked, as the worker does it at rest; how many steps it took."""
    steps = 1
    while not placing.advance(session, asked, most, Pace(lambda: 0.0, 0.025)):
        steps += 1
    return steps


def without_separators(layers: int, order: Any) -> Any:
    model = tiny_model(layers, order)
    return dataclasses.replace(model, template=dataclasses.replace(model.template, file_separator=(), repository=()))


def shown(session: Session, caret: int) -> str:
    """The resident rows as text, control tokens in brackets."""
    rows = session.layout(caret).ids.tolist()
    names = {number: f"[{name.strip('<|>')}]" for number, name in enumerate(CONTROL)}
    return "".join(names.get(one) or session.model.tokenizer.decode(np.array([one])) for one in rows)


def test_the_default_models_format():
    session = session_of(tiny_model(1), "ab\n")
    placing, _ = placing_and_pace()
    bring(placing, session, asking(NAMES, SIZES))
    assert shown(session, 1) == (
        "[repo_name]app[file_sep]names.py\ndef name(x): ...\n[file_sep]a/sizes.py\nSMALL = 1\nLARGE = 9\n"
        "[file_sep]main.py\n[fim_prefix][fim_suffix]b\n[fim_middle]a"
    )


def test_without_separators_pieces_are_comments_before_the_prefix():
    session = session_of(without_separators(1, "prefix_first"), "ab\n")
    placing, _ = placing_and_pace()
    bring(placing, session, asking(NAMES))
    assert shown(session, 1) == "[fim_prefix]# names.py\n# def name(x): ...\na[fim_suffix]b\n[fim_middle]"


def test_a_chunk_change_encodes_no_row_of_the_document():
    session = session_of(tiny_model(2), TEXT * 5)
    placing, _ = placing_and_pace()
    session.sync(100)
    own = {"head": len("app") + 1, "closing": len("main.py\n") + 1}
    bring(placing, session, asking(SHAPES))
    _, settled = session.sync(100)
    markers = 3  # of the template, which missed what was put before them: there is a forward to take them along
    assert (settled.encoded, settled.repaired) == (own["head"] + own["closing"], markers)
    bring(placing, session, asking(SHAPES, SIZES))
    _, settled = session.sync(100)
    assert (settled.encoded, settled.repaired, settled.copied) == (0, 0, len("\0a/sizes.py\nSMALL = 1\nLARGE = 9\n"))
    bring(placing, session, asking(SIZES))
    _, settled = session.sync(100)
    assert (settled.encoded, settled.repaired, settled.copied) == (0, 0, 0)
    bring(placing, session, asking())
    _, settled = session.sync(100)
    assert (settled.encoded, settled.kept) == (0, len(session.layout(100)))


def test_a_chunk_is_encoded_once_for_all_documents():
    one, other = session_of(tiny_model(2)), session_of(tiny_model(2), "x = 1\n")
    placing, _ = placing_and_pace()
    bring(placing, one, asking(SHAPES, SIZES))
    encoded = placing.rows["encoded"]
    assert encoded == sum(len(chunk.path) + len(chunk.text) + 2 for chunk in (SHAPES, SIZES)) + 2 * len("\0app")
    bring(placing, other, asking(SIZES, SHAPES))
    assert placing.rows["encoded"] == encoded
    _, settled = other.sync(3)
    assert settled.copied == sum(len(chunk.path) + len(chunk.text) + 2 for chunk in (SHAPES, SIZES))


def test_the_old_layout_stands_until_all_is_encoded():
    session = session_of(tiny_model(2))
    placing, pace = placing_and_pace(most=8)
    session.sync(20)
    before = session.layout(20).ids.tolist()
    steps = 0
    while not placing.advance(session, asking(SHAPES, SIZES), 1024, pace):
        assert session.layout(20).ids.tolist() == before
        _, settled = session.sync(20)
        assert (settled.encoded, settled.moved) == (0, 0)
        steps += 1
    assert steps > 5
    assert len(session.layout(20)) > len(before)


def test_what_is_not_wanted_any_more_is_dropped_half_way():
    session = session_of(tiny_model(2))
    placing, pace = placing_and_pace(most=8)
    placing.advance(session, asking(SHAPES), 1024, pace)
    bring(placing, session, asking(SIZES))
    assert len(placing.store) == 1
    assert "SMALL" in shown(session, 5)
    assert "Square" not in shown(session, 5)


def test_pieces_that_do_not_fit_are_left_out_from_the_end_and_the_window_makes_room():
    session = session_of(tiny_model(1), TEXT * 30, context=700)
    placing, _ = placing_and_pace()
    session.sync(900)
    many = tuple(ContextChunk(f"{number}.py", "x = 1\n" * 10) for number in range(9))
    bring(placing, session, asking(*many))
    layout, settled = session.sync(900)
    assert settled.complete
    assert 1 <= len(session.placed.chunks) < 9
    assert len(layout) <= 700
    assert layout.context[1] - layout.context[0] <= session.context_room
    assert token_mismatches(session, 900) == 0


def test_a_budget_in_tokens_bounds_what_is_placed():
    session = session_of(tiny_model(1))
    placing, _ = placing_and_pace()
    bring(placing, session, asking(SHAPES, SIZES), most=60)
    assert len(session.placed.chunks) == 1
    bring(placing, session, asking(SHAPES, SIZES), most=10)
    assert session.placed.chunks == ()
    assert len(session.placed.run) == 0


def test_the_same_piece_twice_is_shown_once():
    session = session_of(tiny_model(1))
    placing, _ = placing_and_pace()
    bring(placing, session, asking(SIZES, SIZES))
    session.sync(3)
    session.cache.check_integrity()
    assert len(session.placed.chunks) == 1


def test_a_chunk_that_memory_cannot_keep_is_left_out():
    session = session_of(tiny_model(1))
    placing, pace = placing_and_pace()
    steps = 0
    while not placing.advance(session, asking(SHAPES, SIZES), 1024, pace):
        for key in [holding.key for holding in placing.store.holdings()]:
            placing.store.drop(key)  # type: ignore[arg-type]
        steps += 1
        assert steps < 20
    assert session.placed.chunks == ()


def test_a_failing_forward_leaves_the_layout_as_it_was(monkeypatch):
    model = tiny_model(1)
    session = session_of(model)
    placing, pace = placing_and_pace()

    def fail(*_: Any) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(model.decoder, "forward", fail)
        with pytest.raises(RuntimeError):
            placing.advance(session, asking(SHAPES), 1024, pace)
    assert session.placed.chunks == ()
    bring(placing, session, asking(SHAPES))
    assert len(session.placed.chunks) == 1


def test_with_full_prefill_nothing_is_copied():
    session = session_of(tiny_model(2))
    session.full_prefill = True
    placing, _ = placing_and_pace()
    assert bring(placing, session, asking(SHAPES)) == 1
    layout, settled = session.sync(9)
    assert (settled.encoded, settled.copied) == (len(layout), 0)


chunks = st.lists(st.sampled_from([SHAPES, SIZES, NAMES, NASTY]), max_size=4)
steps = st.lists(st.one_of(
    st.tuples(st.just("place"), chunks),
    st.tuples(st.just("edit"), st.floats(0, 1), st.sampled_from(["", "x", "def f():\n", "漢"]), st.integers(0, 9)),
    st.tuples(st.just("settle"), st.floats(0, 1), st.booleans()),
    st.tuples(st.just("refresh"), st.integers(1, 20)),
), max_size=12)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("make", [tiny_model, without_separators], ids=["separators", "comments"])
@settings(deadline=None, max_examples=15)
@given(history=steps)
def test_after_any_history_a_refresh_equals_a_full_prefill(make: Callable[..., Any], order, history):
    session = session_of(make(2, order))
    session.choose = worthiest(5)
    placing, _ = placing_and_pace()
    caret = 0
    for step in history:
        size = len(session.snapshot.text)
        if step[0] == "place":
            bring(placing, session, asking(*step[1]))
        elif step[0] == "edit":
            start = int(step[1] * size)
            edit(session, start, min(size, start + step[3]), step[2])
            caret = min(caret, len(session.snapshot.text))
        elif step[0] == "settle":
            caret = int(step[1] * size)
            if step[2]:
                session.begin_sync(caret).step(9)  # given up half way
            else:
                session.sync(caret, chunk=9)
        else:
            session.refresh(step[1])
        session.cache.check_integrity()
    session.sync(caret)
    assert token_mismatches(session, caret) == 0
    while session.refresh(16):
        pass
    ours, theirs = session.cache, prefill(session, session.layout(caret), wanted=[])
    for layer in range(2):
        for name in ("keys", "truth", "values"):
            a = getattr(ours.arrays(), name)[layer][:, ours.rows.slots]
            b = getattr(theirs.arrays(), name)[layer][:, theirs.rows.slots]
            torch.testing.assert_close(a, b, rtol=0, atol=1e-9)


def test_equal_pieces_keep_their_names_from_one_placing_to_the_next():
    session = session_of(tiny_model(1))
    first = compose(session.model, asking(SHAPES, SIZES), "python", 900, session.placed)
    second = compose(session.model, asking(NAMES, SIZES), "python", 900, first)
    assert second.chunks[1].cell == first.chunks[1].cell
    assert second.head.cell == first.head.cell
    cells = [cell for piece in (*first.chunks, second.chunks[0]) for cell in piece.cells.tolist()]
    assert len(set(cells)) == len(cells)
