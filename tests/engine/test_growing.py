"""Sessions that begin with a small window and let it grow: at each step what a fresh start would make, in the end the
whole window, and each row encoded about once."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.cache.repair import SEAM, repair
from kvlsp.cache.resident import ResidentCache
from kvlsp.engine.session import Session
from kvlsp.laboratory.evaluation.oracle import token_mismatches
from kvlsp.prompt.window import FIRST
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope
from tests.engine.test_session import edit, texts
from tests.support.engine_bench import SETTINGS, Bench, complete
from tests.support.models import tiny_model

LINES = "".join(f"value_{number} = compute({number}, limit)\n" for number in range(200))
ORDERS = ["suffix_first", "prefix_first", "plain"]


def session_of(model, text: str, context: int, *, grows: bool = True) -> Session:
    return Session(model, Snapshot("memory", 0, Rope.of(text), ""), context=context, generation_rows=16, grows=grows)


def grow(session: Session, caret: int, rows: int) -> int:
    """One step of an idle moment; how many rows were encoded. What new rows are put behind is made exact first."""
    behind = session.growth(rows)
    assert behind is not None
    encoded = 0
    while session.cache.frontier < min(behind, len(session.cache.rows)):
        encoded += session.refresh(min(rows, behind - session.cache.frontier))
    session.layout(caret, grow=rows)
    _, settled = session.sync(caret)
    assert settled.encoded <= rows
    return encoded + settled.encoded + settled.repaired


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("context", [1500, 4096, 16_000])
def test_it_grows_into_the_window_that_others_begin_with(order, context):
    caret = LINES.index("compute(80")
    session = session_of(tiny_model(1, order), LINES, context)
    layout, settled = session.sync(caret)
    assert settled.encoded == len(layout) < FIRST + 64
    encoded, steps = settled.encoded, 0
    while session.wants_slide:
        encoded += grow(session, caret, 200)
        steps += 1
        assert token_mismatches(session, caret) == 0
        session.cache.check_integrity()
    while done := session.refresh(200):
        encoded += done
    whole = session_of(session.model, LINES, context, grows=False)
    whole.layout(caret)  # the caret's window
    expected = whole.layout(caret, slide=True)
    assert session.growth(200) is None
    assert session.layout(caret).ids.tolist() == expected.ids.tolist()
    assert encoded <= len(expected) + FIRST + SEAM * steps + 64
    assert session.cache.stale == 0


def test_what_grows_need_not_read_the_text_before_the_caret_until_it_comes_to_it():
    caret = LINES.index("compute(80")
    session = session_of(tiny_model(1), LINES, 4096)
    layout, _ = session.sync(caret)
    before = layout.prefix[1] - layout.prefix[0]
    assert session.cache.rows.slots[slice(*layout.prefix)].tolist() == list(range(before))
    grow(session, caret, 200)
    assert session.cache.rows.slots[slice(*session.layout(caret).suffix)].min() >= before
    whole = session_of(session.model, LINES, 4096, grows=False)
    layout, _ = whole.sync(caret)
    assert whole.cache.rows.slots.tolist() == list(range(len(layout)))  # left to right, each forward behind the last


def test_a_cache_that_was_dropped_begins_small_again_and_so_does_a_jump():
    session = session_of(tiny_model(1), LINES, 3000)
    session.sync(2000)
    while session.wants_slide:
        grow(session, 2000, 500)
    assert len(session.cache.rows) > 2000
    session.cache.forget()
    layout, _ = session.sync(2010)
    assert len(layout) < FIRST + 64
    layout, settled = session.sync(6000)
    assert settled.encoded < FIRST + 64
    assert token_mismatches(session, 6000) == 0


def test_a_session_that_does_not_grow_has_its_whole_window_at_once():
    session = session_of(tiny_model(1), LINES, 3000, grows=False)
    layout, _ = session.sync(4000)
    assert len(layout) > 2000
    assert session.layout(4000, grow=100).ids.tolist() == layout.ids.tolist()


def test_an_engine_that_prefills_all_at_each_change_comes_to_rest_near_the_end_of_its_window():
    bench = Bench(LINES, dataclasses.replace(SETTINGS, full_prefill=True, context_tokens=1500))
    bench.request(3000)
    bench.rest()
    assert not bench.session.wants_slide
    assert token_mismatches(bench.session, bench.session.caret) == 0


def test_growth_that_is_given_up_half_way_is_missed():
    bench = Bench(LINES, dataclasses.replace(SETTINGS, context_tokens=1500))
    bench.request(3000)
    bench.work()
    document, session = bench.document, bench.session
    while session.wants_slide:
        document.stop_sync()
        document.sync = session.begin_sync(session.caret, grow=5000)
        document.sync.step(20)
    document.stop_sync()
    bench.rest()
    assert token_mismatches(session, session.caret) == 0
    assert session.cache.stale == 0


steps = st.lists(
    st.tuples(
        st.floats(0, 1), st.floats(0, 1), texts, st.floats(0, 1),
        st.sampled_from(["edit", "type", "grow", "grow", "jump", "forget", "stop", "slide", "refresh"]),
    ),
    max_size=10,
)


@pytest.mark.parametrize("order", ORDERS)
@settings(deadline=None, max_examples=40)
@given(history=steps, text=st.lists(texts, min_size=10, max_size=20).map("\n".join))
def test_tokens_and_rows_equal_a_fresh_start_after_any_history(order, history, text):
    text = (text + LINES[:1500] + text) * 2
    session = session_of(tiny_model(1, order), text, 2200)
    caret = 0
    for where, length, new, to, kind in history:
        size = len(session.snapshot.text)
        if kind == "edit":
            start = int(where * size)
            edit(session, start, min(size, start + int(length**3 * (size - start))), new)
        elif kind == "type":
            edit(session, caret, caret, new)
            caret += len(new)
        if kind in ("edit", "jump"):
            caret = int(to * len(session.snapshot.text))
        if kind == "forget":
            session.cache.forget()
        if kind == "stop":
            session.begin_sync(caret).step(7)  # given up half way
        session.layout(caret, grow=int(1 + 600 * length) if kind == "grow" else 0)
        session.sync(caret, slide=kind == "slide")
        if kind == "refresh":
            session.refresh(90)
        assert len(session.cache.rows) <= 2200
        assert token_mismatches(session, caret) == 0
        session.cache.check_integrity()
    for _ in range(40):
        if session.wants_slide:
            session.layout(caret, grow=5000)  # all that is left
            session.sync(caret)
    assert not session.wants_slide
    assert token_mismatches(session, caret) == 0
    while session.refresh(1000):
        pass
    last = [len(session.layout(caret)) - 1]
    if last == [-1]:  # plain order at the beginning of the text: nothing is laid out
        return
    layout, settled = session.sync(caret, wanted=lambda layout: last)
    oracle = repair(ResidentCache(session.model.decoder, session.context), layout, wanted=last)
    torch.testing.assert_close(settled.logits, oracle.logits, rtol=0, atol=1e-9)


def test_a_window_that_has_grown_is_made_exact_in_forwards_like_those_of_its_growth():
    bench = Bench(LINES[:3000])
    forwards = [0]

    def count() -> None:
        forwards[0] += 1

    complete(bench, LINES.index("\n", 1500))
    bench.decoder.before = count
    bench.rest()
    assert len(bench.session.cache.rows) > 3000
    assert bench.session.cache.stale == 0
    assert forwards[0] <= 3000 // 60 + 4, "some 60 rows each, those of the first window twice"


@pytest.mark.parametrize("grows", [True, False])
def test_in_plain_order_a_caret_at_the_windows_first_token_has_text_before_it(grows):
    """Nothing behind the caret is a row there, so the layout would be empty."""
    session = session_of(tiny_model(1, "plain"), "x = 1\n" * 400, 600)
    session.grows = grows
    session.sync(len(session.snapshot.text))
    start = session.window.start
    assert start > 0
    caret = int(session.tokens.starts[start])
    layout, _ = session.sync(caret, wanted=lambda layout: [len(layout) - 1])
    assert layout.prefix[1] - layout.prefix[0] > 0
    assert token_mismatches(session, caret) == 0
