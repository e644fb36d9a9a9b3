"""The frames, field by field: this file is the protocol, and :data:`PROTOCOL` its version.

Texts and names are bytes (:mod:`kvlsp.wire.words`), since editors send characters that UTF-8 does not have. What holds
a text by its edits, and what the messages inside are, is the business of
:mod:`kvlsp.wire.messages` and :mod:`kvlsp.wire.events`.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from kvlsp.config import Trigger
from kvlsp.messages import Reason
from kvlsp.wire import limits

PROTOCOL = 5
"""Raised with every change of a frame's meaning. Ends of different versions do not talk to each other."""

_LARGEST = 2**63 - 1

Text: TypeAlias = Annotated[bytes, Meta(max_length=limits.LONGEST_TEXT)]
Name: TypeAlias = Annotated[bytes, Meta(max_length=limits.LONGEST_NAME)]
Values: TypeAlias = Annotated[bytes, Meta(max_length=limits.LONGEST_VALUES)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=_LARGEST)]
Number: TypeAlias = Annotated[int, Meta(ge=-_LARGEST, le=_LARGEST)]
Seconds: TypeAlias = Annotated[float, Meta(ge=0.0, le=limits.LONGEST_WAIT)]


class Part(Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """A piece of a frame; its fields travel in order, without names."""


class Frame(Struct, frozen=True, forbid_unknown_fields=True, tag_field="frame"):
    """Its fields travel with their names, and its kind as ``frame``."""


# --- the beginning ---------------------------------------------------------------------------------------


class Opening(Struct, frozen=True):
    """What every version's first frame says, whatever else it holds."""

    protocol: Count
    version: Annotated[str, Meta(max_length=200)]


class Hello(Frame, frozen=True, tag="hello"):
    """A client's first frame. ``settings`` as an editor names them."""

    protocol: Count
    version: Annotated[str, Meta(max_length=200)]
    settings: Values
    secret: Name = b""
    """Where the system cannot tell who connects."""


class AskStatus(Frame, frozen=True, tag="ask_status"):
    """The first and only frame of a client that asks how the engine is; answered by :class:`Report`."""

    protocol: Count
    version: Annotated[str, Meta(max_length=200)]
    secret: Name = b""


class AskEnd(Frame, frozen=True, tag="ask_end"):
    """The first and only frame of a client that wants the engine to end; answered by :class:`Goodbye`."""

    protocol: Count
    version: Annotated[str, Meta(max_length=200)]
    secret: Name = b""


class Welcome(Frame, frozen=True, tag="welcome"):
    protocol: Count
    version: Annotated[str, Meta(max_length=200)]
    process: Count
    """The engine's process id, for whoever finds it hanging."""


class Refused(Frame, frozen=True, tag="refused"):
    """The last frame to a client that did not hold to the protocol; ``why`` is a sentence for people."""

    why: Name


class Report(Frame, frozen=True, tag="report"):
    values: Values


# --- from a client ---------------------------------------------------------------------------------------


class Open(Frame, frozen=True, tag="open"):
    uri: Name
    version: Number
    language: Name
    text: Text


class Edited(Part, frozen=True):
    """Characters [start, end) of the text that the edit before left are replaced by ``text``."""

    start: Count
    end: Count
    text: Text


class Edit(Frame, frozen=True, tag="edit"):
    """``length``: characters of the text after the last edit, by which an end that is out of step is found out."""

    uri: Name
    base_version: Number
    version: Number
    edits: Annotated[tuple[Edited, ...], Meta(max_length=limits.MOST_EDITS)]
    length: Count


class Close(Frame, frozen=True, tag="close"):
    uri: Name


class Chunk(Part, frozen=True):
    path: Name
    text: Text


class Place(Frame, frozen=True, tag="place"):
    uri: Name
    chunks: Annotated[tuple[Chunk, ...], Meta(max_length=limits.MOST_CHUNKS)]
    repository: Name
    path: Name


class Remember(Frame, frozen=True, tag="remember"):
    files: Annotated[tuple[Chunk, ...], Meta(max_length=limits.MOST_CHUNKS)]
    anew: bool
    withheld: Annotated[tuple[Name, ...], Meta(max_length=limits.MOST_DOCUMENTS)] | None = None


class Selection(Part, frozen=True):
    start: Count
    end: Count
    text: Text


class Ask(Frame, frozen=True, tag="ask"):
    """A completion is wanted. ``waited``: seconds since the editor asked."""

    ticket: Count
    uri: Name
    version: Number
    offset: Count
    trigger: Trigger
    waited: Seconds
    selected: Selection | None
    asks_again: bool = False
    asks_late: bool = False


class AskNext(Frame, frozen=True, tag="ask_next"):
    """The next edit is wanted. ``waited``: seconds since the editor asked."""

    ticket: Count
    uri: Name
    version: Number
    offset: Count
    trigger: Trigger
    waited: Seconds


class Cancel(Frame, frozen=True, tag="cancel"):
    ticket: Count


class Feedback(Frame, frozen=True, tag="feedback"):
    uri: Name
    completion: Number
    kind: Literal["shown", "accepted", "partially_accepted", "rejected"]
    length: Number


class DescribeDocument(Frame, frozen=True, tag="describe_document"):
    ticket: Count
    uri: Name


class DescribeEngine(Frame, frozen=True, tag="describe_engine"):
    ticket: Count


class DescribeTokens(Frame, frozen=True, tag="describe_tokens"):
    ticket: Count
    ids: Annotated[tuple[Number, ...], Meta(max_length=limits.MOST_TOKENS)]


class Watch(Frame, frozen=True, tag="watch"):
    ticket: Count
    since: Number
    uri: Name | None


class Configure(Frame, frozen=True, tag="configure"):
    settings: Values


class Shutdown(Frame, frozen=True, tag="shutdown"):
    """Nothing follows; what waits is answered. ``returns``: whether the client may be back soon; one that goes to
    another model is not."""

    returns: bool = True


class Ping(Frame, frozen=True, tag="ping"):
    """Answered by :class:`Pong` at once."""

    number: Count


# --- from an engine --------------------------------------------------------------------------------------


class Offered(Part, frozen=True):
    start: Count
    end: Count
    text: Text
    completion: Number


class Completed(Frame, frozen=True, tag="completed"):
    ticket: Count
    items: Annotated[tuple[Offered, ...], Meta(max_length=limits.MOST_ITEMS)]
    reason: Reason | None
    report: Values


class DocumentDescribed(Frame, frozen=True, tag="document_described"):
    ticket: Count
    description: Values | None


class EngineDescribed(Frame, frozen=True, tag="engine_described"):
    ticket: Count
    statistics: Values


class TokensDescribed(Frame, frozen=True, tag="tokens_described"):
    ticket: Count
    texts: Annotated[tuple[Name, ...], Meta(max_length=limits.MOST_TOKENS)]


class Watched(Frame, frozen=True, tag="watched"):
    ticket: Count
    view: Annotated[bytes, Meta(max_length=limits.LONGEST_VIEW)]


class Status(Frame, frozen=True, tag="status"):
    kind: Literal["loading", "ready", "computing", "paused", "error"]
    message: Name
    percent: float | None
    detail: Values


class Prefill(Frame, frozen=True, tag="prefill"):
    uri: Name
    done: Count
    total: Count


class Notice(Frame, frozen=True, tag="notice"):
    text: Name


class Pong(Frame, frozen=True, tag="pong"):
    """``busy``: seconds that the model's thread has been at its present step; 0 while it waits for work."""

    number: Count
    busy: Annotated[float, Meta(ge=0.0)]


class Goodbye(Frame, frozen=True, tag="goodbye"):
    """The engine ends because somebody wants it to: nobody should start it again before it is needed."""

    why: Name


First: TypeAlias = Hello | AskStatus | AskEnd
FromClient: TypeAlias = (Open | Edit | Close | Place | Remember | Ask | AskNext | Cancel | Feedback | DescribeDocument
                         | DescribeEngine | DescribeTokens | Watch | Configure | Shutdown | Ping)
FromEngine: TypeAlias = (Welcome | Refused | Report | Completed | DocumentDescribed | EngineDescribed | TokensDescribed
                         | Watched | Status | Prefill | Notice | Pong | Goodbye)
AnyFrame: TypeAlias = First | FromClient | FromEngine
