"""What travels whole, what is cancelled, and what no honest client sends."""

from __future__ import annotations

import msgspec
import pytest

import kvlsp
from kvlsp.config import Settings
from kvlsp.errors import WireError
from kvlsp.messages import CloseDocument, Complete, EditDocument, OpenDocument
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from kvlsp.wire import handshake, schema, texts
from kvlsp.wire import messages as wire
from kvlsp.wire.frames import FROM_CLIENT, Stream, pack
from kvlsp.wire.messages import Incoming, Outgoing


def clock() -> float:
    return 50.0


def snapshot(version: int, text: str, language: str = "python", uri: str = "u:a") -> Snapshot:
    return Snapshot(uri, version, Rope.of(text), language)


def typed(before: Snapshot, version: int, new: str) -> EditDocument:
    edit = Edit(len(before.text), len(before.text), new)
    after = before.text.replace(edit)
    return EditDocument(before.uri, before.version, (Change(edit, after),),
                        Snapshot(before.uri, version, after, before.language))


@pytest.fixture
def incoming() -> Incoming:
    """An engine's end that has the document u:a, "abc" in version 1."""
    incoming = Incoming(clock)
    incoming.message(schema.Open(b"u:a", 1, b"python", b"abc"))
    return incoming


def test_a_text_that_the_engine_does_not_have_travels_whole():
    outgoing, first = Outgoing(clock), snapshot(1, "abc")
    edit = typed(first, 2, "d")
    assert outgoing.frame(edit) == schema.Open(b"u:a", 2, b"python", b"abcd")      # never opened
    assert isinstance(outgoing.frame(typed(edit.after, 3, "e")), schema.Edit)
    assert isinstance(outgoing.frame(typed(first, 4, "f")), schema.Open)           # from another version
    other = snapshot(5, "abcf", "rust")
    assert isinstance(outgoing.frame(EditDocument("u:a", 4, (), other)), schema.Open)  # another language, text, or both
    outgoing.frame(CloseDocument("u:a"))
    assert isinstance(outgoing.frame(typed(other, 6, "g")), schema.Open)


@pytest.mark.parametrize(("why", "frame"), [
    ("version", schema.Edit(b"u:a", 2, 3, (), 3)),
    ("version", schema.Edit(b"u:b", 1, 2, (), 3)),
    ("beyond the end", schema.Edit(b"u:a", 1, 2, (schema.Edited(2, 9, b""),), 3)),
    ("beyond the end", schema.Edit(b"u:a", 1, 2, (schema.Edited(2, 1, b""),), 3)),
    ("different lengths", schema.Edit(b"u:a", 1, 2, (schema.Edited(0, 0, b"x"),), 3)),
    ("UTF-8", schema.Edit(b"u:a", 1, 2, (schema.Edited(0, 0, b"\xff"),), 4)),
    ("UTF-8", schema.Open(b"\xff", 1, b"", b"")),
    ("JSON", schema.Configure(b"{")),
    ("JSON", schema.Configure(b"[" * 100_000)),
    ("JSON", schema.Configure(b'{"threads": ' + b"9" * 9999 + b"}")),
    ("not a JSON object", schema.Configure(b"[]")),
    ("kvlsp.threads", schema.Configure(b'{"threads": -1}')),
])
def test_what_no_honest_client_sends_is_refused_with_a_sentence(incoming, why, frame):
    with pytest.raises(WireError, match=why):
        incoming.message(frame)


def test_a_request_has_a_number_of_its_own(incoming):
    ask = schema.Ask(7, b"u:a", 1, 0, "automatic", 0.0, None)
    incoming.message(ask)
    with pytest.raises(WireError, match="number of another"):
        incoming.message(ask)
    incoming.answered(7)
    assert isinstance(incoming.message(ask), Complete)


def test_what_waits_is_bounded(incoming, monkeypatch):
    monkeypatch.setattr(wire, "MOST_REQUESTS", 2)
    asks = [schema.Ask(ticket, b"u:a", 1, 0, "automatic", 0.0, None) for ticket in range(3)]
    incoming.message(asks[0])
    incoming.message(asks[1])
    with pytest.raises(WireError):
        incoming.message(asks[2])


def test_documents_and_their_characters_are_bounded_at_both_ends(monkeypatch):
    monkeypatch.setattr(texts, "MOST_DOCUMENTS", 2)
    monkeypatch.setattr(texts, "MOST_CHARACTERS", 10)
    outgoing = Outgoing(clock)
    outgoing.frame(OpenDocument(snapshot(1, "12345")))
    with pytest.raises(WireError, match="characters"):
        outgoing.frame(OpenDocument(snapshot(1, "123456", uri="u:b")))
    outgoing.frame(OpenDocument(snapshot(2, "1234567890")))
    outgoing.frame(OpenDocument(snapshot(1, "", uri="u:b")))
    with pytest.raises(WireError, match="documents"):
        outgoing.frame(OpenDocument(snapshot(1, "", uri="u:c")))
    outgoing.frame(CloseDocument("u:a"))
    outgoing.frame(OpenDocument(snapshot(1, "1234567890", uri="u:c")))


def test_a_request_is_cancelled_by_its_number(incoming):
    request = incoming.message(schema.Ask(7, b"u:a", 1, 0, "automatic", 0.25, None))
    assert request.received == pytest.approx(49.75)
    assert incoming.message(schema.Cancel(8)) is None
    assert not request.cancel.cancelled
    incoming.message(schema.Cancel(7))
    assert request.cancel.cancelled


def test_all_requests_of_who_has_gone_are_cancelled(incoming):
    request = incoming.message(schema.Ask(7, b"u:a", 1, 0, "automatic", 0.0, None))
    incoming.cancel_all()
    assert request.cancel.cancelled


# --- the first frame ---


def opened(frame) -> schema.First:
    stream = Stream()
    stream.add(pack(frame) + pack(schema.Ping(1)))
    opening = stream.opening()
    assert opening is not None
    assert stream.take(FROM_CLIENT) == schema.Ping(1)
    return handshake.understood(*opening)


def test_a_client_of_our_version_is_understood():
    assert opened(handshake.hello(Settings(), b"s")) == handshake.hello(Settings(), b"s")
    assert opened(handshake.ask_status()) == handshake.ask_status()


def test_a_client_of_another_version_is_told_both_whatever_else_it_sends():
    class Later(schema.Frame, frozen=True, tag="greetings"):
        protocol: int
        version: str
        colour: str

    stream = Stream()
    body = msgspec.msgpack.encode(Later(schema.PROTOCOL + 1, "9.1", "red"))
    stream.add(len(body).to_bytes(4, "big") + body)
    with pytest.raises(WireError) as caught:
        handshake.understood(*stream.opening())
    assert str(caught.value) == (
        f"This engine is kvlsp {kvlsp.__version__} and speaks version {schema.PROTOCOL} of its protocol; kvlsp "
        f"9.1, which connected, speaks version {schema.PROTOCOL + 1}. Install the same version of kvlsp at both ends.")
