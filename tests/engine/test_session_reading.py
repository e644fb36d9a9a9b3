"""Sessions whose text is read in pieces: edits are followed at once, completions need what is around them, and in the
end all is as if it had been read at the beginning."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.engine.session import Session
from kvlsp.laboratory.evaluation.oracle import token_mismatches
from kvlsp.prompt.window import FIRST, SMALL
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope
from tests.engine.test_session import edit, texts
from tests.support.models import tiny_model

LINES = "".join(f"value_{number} = compute({number}, limit)\n" for number in range(1500))
MARGIN = 4096
ORDERS = ["suffix_first", "prefix_first", "plain"]


def session_of(text: str, *, piece: int, order: str = "suffix_first", grows: bool = True) -> Session:
    snapshot = Snapshot("memory", 0, Rope.of(text), "")
    return Session(tiny_model(1, order), snapshot, context=2200, generation_rows=16, piece=piece, grows=grows)


def around(session: Session, caret: int) -> str:
    """The laid-out text around the caret, which stands at ``|``."""
    prefix, suffix = session.sides(caret)
    decode = session.model.tokenizer.decode
    return f"{decode(prefix.ids)}|{decode(suffix.ids)}"


def test_a_completion_needs_what_is_around_it_and_no_more():
    caret = LINES.index("compute(700")
    session = session_of(LINES, piece=5000)
    assert session.behind == len(LINES)
    assert not session.can_complete_at(caret)
    pieces = 0
    while not session.can_complete_at(caret):
        session.catch_up(caret)
        pieces += 1
    assert pieces <= 4
    assert not session.can_complete_at(0)
    assert session.behind > len(LINES) // 2
    layout, settled = session.sync(caret)
    assert settled.encoded == len(layout) < FIRST + 64
    before, after = around(session, caret).split("|")
    assert LINES[:caret].endswith(before)
    assert LINES[caret:].startswith(after)
    assert len(before) > 300
    assert len(after) > 100


def test_at_the_ends_of_a_document_there_is_less_to_read():
    session = session_of(LINES, piece=5000)
    session.catch_up(0)
    assert session.can_complete_at(0)
    assert not session.can_complete_at(MARGIN)
    session = session_of(LINES, piece=5000)
    session.catch_up(len(LINES))
    assert session.can_complete_at(len(LINES))


def test_edits_are_followed_while_the_text_is_read():
    caret = LINES.index("compute(700")
    session = session_of(LINES, piece=10_000)
    session.catch_up(caret)
    read = session.behind
    edit(session, caret, caret, "known")
    assert session.behind == read
    assert session.caret == caret + 5
    edit(session, 0, 0, "far above")  # beside what is unread
    edit(session, 20, 20, "and inside of it")
    edit(session, len(session.snapshot.text) - 30, len(session.snapshot.text) - 20, "")
    assert session.behind == read + len("and inside of it") - 10
    caret += 5 + len("far above") + len("and inside of it")
    session.sync(caret)
    assert "= known|compute(700, limit)\n" in around(session, caret)
    while session.behind:
        session.catch_up()
    assert str(session.tokens.text) == str(session.snapshot.text)


def test_what_is_pasted_is_read_later_and_what_is_supposed_at_once():
    session = session_of("a = 1\n" * 20, piece=200)
    edit(session, 60, 60, "b = 2\n" * 100)
    assert session.behind == 600
    session.replace(0, 5, "c = 3\n" * 100)
    assert session.behind == 600
    assert not session.can_complete_at(600)
    session.replace(0, 600, "a = 1")
    while session.behind:
        session.catch_up()
    session.sync(10)
    assert token_mismatches(session, 10) == 0


steps = st.lists(
    st.tuples(
        st.floats(0, 1), st.floats(0, 1), texts, st.floats(0, 1),
        st.sampled_from(["read", "read here", "edit", "paste", "type", "grow", "jump", "forget"]),
    ),
    max_size=14,
)


@pytest.mark.parametrize("grows", [True, False])
@pytest.mark.parametrize("order", ORDERS)
@settings(deadline=None, max_examples=30)
@given(history=steps, text=st.lists(texts, min_size=10, max_size=20).map("\n".join), piece=st.integers(200, 3000))
def test_in_the_end_all_is_as_if_it_had_been_read_at_the_beginning(order, grows, history, text, piece):
    session = session_of(text + LINES[:4000] + text, piece=piece, order=order, grows=grows)
    caret = 0
    for where, length, new, to, kind in history:
        size, read = len(session.snapshot.text), kind.startswith("read")
        if kind in ("edit", "paste"):
            start = int(where * size)
            end = min(size, start + int(length**3 * (size - start)))
            edit(session, start, end, new + LINES[:3500] if kind == "paste" else new)
        elif kind == "type":
            edit(session, caret, caret, new)
            caret += len(new)
        elif read:
            session.catch_up(caret if kind == "read here" else int(where * size))
        elif kind == "forget":
            session.cache.forget()
        if kind in ("edit", "paste", "jump"):
            caret = int(to * len(session.snapshot.text))
        session.layout(caret, grow=int(1 + 600 * length) if kind == "grow" else 0)
        _, settled = session.sync(caret)
        if read and grows:
            assert settled.encoded <= SMALL + 64, "what is read comes in by growth only"
        assert len(session.cache.rows) <= 2200
        session.cache.check_integrity()
        ids = session.model.tokenizer.encode(str(session.tokens.text)).ids
        assert session.tokens.ids.tolist() == ids.tolist()
        assert len(str(session.tokens.text)) == len(session.snapshot.text) - session.behind
    while session.behind:
        session.catch_up()
    for _ in range(40):
        if session.wants_slide:
            session.layout(caret, slide=not grows, grow=300)
            session.sync(caret)
    assert not session.wants_slide or not grows
    assert str(session.tokens.text) == str(session.snapshot.text)
    session.sync(caret)
    assert token_mismatches(session, caret) == 0
    session.cache.check_integrity()
