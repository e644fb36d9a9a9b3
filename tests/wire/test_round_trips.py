"""Every message and every event, whatever they hold, comes out of a frame as it went in."""

from __future__ import annotations

import dataclasses
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp import messages
from kvlsp.config import Settings
from kvlsp.messages import (
    CancelToken,
    CloseDocument,
    Complete,
    Completed,
    Configure,
    ContextChunk,
    DescribeDocument,
    DescribeEngine,
    DescribeTokens,
    DocumentDescribed,
    EditDocument,
    EngineDescribed,
    Feedback,
    Item,
    NextEdit,
    Notice,
    OpenDocument,
    PlaceContext,
    PrefillProgress,
    Reason,
    Remember,
    RememberedFile,
    Selected,
    Shutdown,
    StatusChanged,
    TokensDescribed,
    Watch,
    Watched,
)
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from kvlsp.wire import events, schema
from kvlsp.wire.frames import FROM_CLIENT, FROM_ENGINE, Stream, pack
from kvlsp.wire.messages import Incoming, Outgoing

WORDS = st.text(st.characters() | st.sampled_from("\r\n\ud800\udc00\U0001f600"), max_size=30)
COUNTS = st.integers(0, 2**63 - 1)
NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1)
VALUES = st.dictionaries(WORDS, st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3)), max_size=4)
CLOCK = 1000.0

SETTINGS = st.builds(Settings, model=WORDS, exclude=st.lists(WORDS, max_size=3).map(tuple), penalty=st.floats(0.1, 1.0),
                     threads=st.integers(0, 1024), enable=st.booleans())
MESSAGES = {
    OpenDocument: st.builds(OpenDocument, st.builds(Snapshot, WORDS, NUMBERS, WORDS.map(Rope.of), WORDS)),
    CloseDocument: st.builds(CloseDocument, WORDS),
    PlaceContext: st.builds(PlaceContext, WORDS, st.lists(st.builds(ContextChunk, WORDS, WORDS), max_size=3).map(tuple),
                            WORDS, WORDS),
    Complete: st.builds(Complete, COUNTS, WORDS, NUMBERS, COUNTS, st.sampled_from(typing.get_args(messages.Trigger)),
                        st.floats(0.0, CLOCK), st.none() | st.builds(Selected, COUNTS, COUNTS, WORDS),
                        asks_again=st.booleans(), asks_late=st.booleans()),
    NextEdit: st.builds(NextEdit, COUNTS, WORDS, NUMBERS, COUNTS,
                        st.sampled_from(typing.get_args(messages.Trigger)), st.floats(0.0, CLOCK)),
    Remember: st.builds(Remember, st.lists(st.builds(RememberedFile, WORDS, WORDS), max_size=3).map(tuple),
                        st.booleans(), st.none() | st.lists(WORDS, max_size=3).map(tuple)),
    Feedback: st.builds(Feedback, WORDS, NUMBERS,
                        st.sampled_from(["shown", "accepted", "partially_accepted", "rejected"]), NUMBERS),
    DescribeDocument: st.builds(DescribeDocument, COUNTS, WORDS),
    DescribeEngine: st.builds(DescribeEngine, COUNTS),
    DescribeTokens: st.builds(DescribeTokens, COUNTS, st.lists(NUMBERS, max_size=3).map(tuple)),
    Watch: st.builds(Watch, COUNTS, NUMBERS, st.none() | WORDS),
    Configure: st.builds(Configure, SETTINGS),
    Shutdown: st.builds(Shutdown),
}
"""All but :class:`EditDocument`, which needs a text before it."""

EVENTS = {
    Completed: st.builds(Completed, COUNTS, st.lists(st.builds(Item, COUNTS, COUNTS, WORDS, NUMBERS), max_size=3)
                         .map(tuple), st.none() | st.sampled_from(Reason), VALUES),
    DocumentDescribed: st.builds(DocumentDescribed, COUNTS, st.none() | VALUES),
    EngineDescribed: st.builds(EngineDescribed, COUNTS, VALUES),
    TokensDescribed: st.builds(TokensDescribed, COUNTS, st.lists(WORDS, max_size=3).map(tuple)),
    Watched: st.builds(Watched, COUNTS, VALUES),
    StatusChanged: st.builds(StatusChanged, st.sampled_from(["loading", "ready", "computing", "paused", "error"]),
                             WORDS, st.none() | st.floats(0, 100), VALUES),
    PrefillProgress: st.builds(PrefillProgress, WORDS, COUNTS, COUNTS),
    Notice: st.builds(Notice, WORDS),
}


def same(one: object, other: object) -> None:
    """Ropes and cancel tokens have no equality of their own; times may differ in the last bit."""
    assert type(one) is type(other)
    if isinstance(one, Rope):
        assert str(one) == str(other)
    elif isinstance(one, tuple):
        assert isinstance(other, tuple)
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            same(left, right)
    elif dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, float):
        assert one == pytest.approx(other)
    elif not isinstance(one, CancelToken):
        assert one == other


def through(frame, kind):
    stream = Stream()
    stream.add(pack(frame))
    return stream.take(kind)


class Wire:
    """Both ends of one."""

    def __init__(self) -> None:
        self.outgoing, self.incoming = Outgoing(lambda: CLOCK), Incoming(lambda: CLOCK)
        self.frames: list[schema.FromClient] = []

    def carry(self, message: messages.Message) -> messages.Message | None:
        self.frames.append(self.outgoing.frame(message))
        return self.incoming.message(through(self.frames[-1], FROM_CLIENT))


def test_nothing_is_left_out_here():
    assert set(MESSAGES) | {EditDocument} == set(typing.get_args(messages.Message))
    assert set(EVENTS) == set(typing.get_args(messages.Event))


@given(st.one_of(*MESSAGES.values()))
def test_messages(message):
    same(Wire().carry(message), message)


@given(st.one_of(*EVENTS.values()))
def test_events(event):
    same(events.event(through(events.frame(event), FROM_ENGINE)), event)


@given(WORDS, st.lists(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), WORDS), max_size=3), max_size=5))
def test_edits_travel_as_edits_and_make_the_same_texts(text, batches):
    snapshot, wire = Snapshot("u:a", 1, Rope.of(text), "python"), Wire()
    wire.carry(OpenDocument(snapshot))
    for batch in batches:
        now, changes = snapshot.text, []
        for one, other, new in batch:
            start, end = sorted((int(one * len(now)), int(other * len(now))))
            now = now.replace(Edit(start, end, new))
            changes.append(Change(Edit(start, end, new), now))
        after = Snapshot("u:a", snapshot.version + 1, now, "python")
        message = EditDocument("u:a", snapshot.version, tuple(changes), after)
        same(wire.carry(message), message)
        snapshot = after
    assert [type(frame) for frame in wire.frames[1:]] == [schema.Edit] * len(batches)
