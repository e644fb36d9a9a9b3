"""The same document with line feeds and with other line ends: the engine does the same in all."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.engine.line_ends import LineEnds
from kvlsp.messages import (
    CloseDocument,
    Complete,
    Completed,
    ContextChunk,
    DescribeDocument,
    EditDocument,
    Item,
    NextEdit,
    OpenDocument,
    PlaceContext,
    Selected,
)
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.line_feeds import plain
from kvlsp.text.rope import Rope
from tests.support.engine_bench import URI, Bench

TEXT = "def f(a):\n    b = a\n    \n    return b\n"


def opened(text: str) -> LineEnds:
    ends = LineEnds()
    ends.incoming(OpenDocument(Snapshot(URI, 1, Rope.of(text), "")))
    return ends


def ask(ends: LineEnds, offset: int, selected: Selected | None = None) -> Any:
    return ends.incoming(Complete(7, URI, 1, offset, "automatic", 0.0, selected))


def answer(ends: LineEnds, text: str, start: int, end: int) -> Item:
    answered = ends.outgoing(Completed(7, (Item(start, end, text, 1),), None, {}))
    assert isinstance(answered, Completed)
    return answered.items[0]


def test_offsets_and_texts_go_in_plain_and_come_out_as_the_editor_has_them():
    ends = opened("a\r\nb\r\nc")
    assert ask(ends, 4).offset == 3
    assert answer(ends, "x\ny", 3, 3) == Item(4, 4, "x\r\ny", 1)


def test_line_ends_of_one_return_stay_what_they_are():
    ends = opened("a\rb\rc")
    assert ask(ends, 3).offset == 3
    assert str(ends.incoming(OpenDocument(Snapshot(URI, 2, Rope.of("a\rb\rc"), ""))).snapshot.text) == "a\nb\nc"
    assert ask(ends, 3).offset == 3
    assert answer(ends, "x\ny", 3, 3) == Item(3, 3, "x\ry", 1)


def test_the_entry_that_a_list_has_highlighted():
    ends = opened("a\r\nb.c\r\n")
    asked = ask(ends, 6, Selected(5, 6, "cd\r\n"))
    assert asked.selected == Selected(4, 5, "cd\n")
    assert answer(ends, "cd\nx", 4, 5) == Item(5, 6, "cd\r\nx", 1)


def test_between_the_two_characters_nothing_is_inserted():
    ends = opened("a\r\nb")
    assert ask(ends, 2).offset == 1
    assert answer(ends, "x", 1, 1) == Item(1, 1, "x", 1)


def test_line_feeds_pass_through_as_they_are():
    ends = LineEnds()
    message = OpenDocument(Snapshot(URI, 1, Rope.of("a\nb"), ""))
    assert ends.incoming(message).snapshot is message.snapshot
    asked = Complete(7, URI, 1, 2, "automatic", 0.0)
    assert ends.incoming(asked) is asked
    event = Completed(7, (Item(2, 2, "x\ny", 1),), None, {})
    assert ends.outgoing(event) is event


def test_pieces_of_other_files_are_plain():
    placed = LineEnds().incoming(PlaceContext(URI, (ContextChunk("a.py", "a\r\nb\r\n"),)))
    assert placed == PlaceContext(URI, (ContextChunk("a.py", "a\nb\n"),))


def test_a_closed_document_is_forgotten():
    ends = opened("a\r\nb")
    ends.incoming(CloseDocument(URI))
    assert ends.snapshot(URI) is None


@given(st.text(st.sampled_from("\r\nab"), max_size=20), st.data())
def test_a_next_edit_replaces_what_it_replaces_in_the_plain_text(text, data):
    ends, seen = opened(text), plain(text)
    start = data.draw(st.integers(0, len(seen)))
    end = data.draw(st.integers(start, len(seen)))
    ends.incoming(NextEdit(8, URI, 1, 0, "automatic", 0.0))
    (item,) = ends.outgoing(Completed(8, (Item(start, end, "x\ny", 1),), None, {})).items
    assert plain(text[:item.start]) + "|" + plain(text[item.end:]) == f"{seen[:start]}|{seen[end:]}"
    assert plain(item.text) == "x\ny"


@settings(deadline=None)
@given(st.text(st.sampled_from("\r\nab"), max_size=20), st.data())
def test_any_history_of_edits_leads_to_the_plain_text(text, data):
    ends, version = opened(text), 1
    seen = plain(text)
    for _ in range(data.draw(st.integers(1, 5))):
        changes, rope = [], Rope.of(text)
        for _ in range(data.draw(st.integers(1, 3))):
            start = data.draw(st.integers(0, len(text)))
            edit = Edit(start, data.draw(st.integers(start, len(text))), data.draw(st.text("\r\nab", max_size=5)))
            text = text[:start] + edit.text + text[edit.end :]
            rope = rope.replace(edit)
            changes.append(Change(edit, rope))
        message = EditDocument(URI, version, tuple(changes), Snapshot(URI, version + 1, rope, ""))
        version += 1
        inside = ends.incoming(message)
        for change in inside.changes:
            seen = seen[: change.edit.start] + change.edit.text + seen[change.edit.end :]
            assert str(change.after) == seen
        assert seen == str(inside.after.text) == plain(text)
        assert str(ends.snapshot(URI).text) == text


@pytest.mark.parametrize("caret", [TEXT.index("return") - 5, len(TEXT) - 1])
def test_an_engine_offers_the_same_in_all(caret):
    found = []
    for line_end in ("\n", "\r\n", "\r"):
        bench = Bench(TEXT.replace("\n", line_end))
        bench.rest()
        offset = len(TEXT[:caret].replace("\n", line_end))
        bench.edit(offset, offset, "x")
        bench.engine.post(Complete(99, URI, bench.snapshot.version, offset + 1, "automatic", bench.clock()))
        bench.rest()
        answers = [event for event in bench.events if isinstance(event, Completed) and event.ticket == 99]
        bench.engine.post(DescribeDocument(5, URI))
        bench.work()
        described = bench.events[-1].description
        assert described["sha256"] == hashlib.sha256(str(bench.snapshot.text).encode()).hexdigest()
        found.append([(item.start - offset, plain(item.text)) for item in answers[0].items])
    assert found[0] == found[1] == found[2] != []
