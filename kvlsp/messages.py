"""What crosses between the editor's thread and the model's thread: frozen values, nothing else.

To the engine go :data:`Message` values, from it come :data:`Event` values. Offsets are code points of the
snapshot they belong to.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from kvlsp.config import Settings, Trigger
from kvlsp.reasons import Reason as Reason  # part of the messages: servers import it from here
from kvlsp.text.document import Change, Snapshot


class CancelToken:
    """Set by the editor's thread, looked at by the model's thread between two tokens."""

    __slots__ = ("_event", "_tell")

    def __init__(self) -> None:
        self._event = threading.Event()
        self._tell: Callable[[], None] | None = None

    def cancel(self) -> None:
        self._event.set()
        if self._tell is not None:
            self._tell()

    def tell(self, what: Callable[[], None]) -> None:
        """Have ``what`` called when somebody cancels, for an engine in another process; to be set before the token is
        handed on."""
        self._tell = what

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()


# --- to the engine ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenDocument:
    """A document was opened (or its text replaced as a whole after a disagreement)."""

    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class EditDocument:
    """Changes in order, each with the text after it; ``base_version`` is the version before the first."""

    uri: str
    base_version: int
    changes: tuple[Change, ...]
    after: Snapshot


@dataclass(frozen=True, slots=True)
class CloseDocument:
    uri: str


@dataclass(frozen=True, slots=True)
class ContextChunk:
    """A piece of another file that the model should see. ``path`` as people write it, relative to the workspace's
    folder; ``text`` is whole lines, the last one ended."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class PlaceContext:
    """What the model should see of other files while ``uri`` is edited: instead of what it saw, the newest wins.

    Placed when the keyboard rests, in this order; what is unchanged stays resident. ``repository`` names the
    workspace and ``path`` the document inside it, for models that were trained with them.
    """

    uri: str
    chunks: tuple[ContextChunk, ...]
    repository: str = ""
    path: str = ""

    @property
    def of_notebook(self) -> bool:
        """Whether the context is the other cells of the document's notebook, which belong to no workspace."""
        return not self.repository


@dataclass(frozen=True, slots=True)
class RememberedFile:
    """A file of the workspace as it is now, under a name of its own; one without text is to be forgotten."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Remember:
    """Files of the workspace for its memory (:mod:`kvlsp.memory`), in place of what was told of them. With ``anew`` all
    that was told before is forgotten. Read at rest, and never shown to the model. ``withheld``: URIs of all open
    documents that are in no memory, for nobody may read them unasked; None: as before."""

    files: tuple[RememberedFile, ...]
    anew: bool = False
    withheld: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Selected:
    """The entry highlighted in the editor's suggest list: it would replace [start, end) by text."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Complete:
    """A request for ghost text at ``offset`` of the given version; answered by one :class:`Completed`."""

    ticket: int
    uri: str
    version: int
    offset: int
    trigger: Trigger
    received: float
    """Seconds on the engine's clock; deadlines count from here."""
    selected: Selected | None = None
    cancel: CancelToken = field(default_factory=CancelToken)
    asks_again: bool = False
    """Whether the client asks once more if the report says ``more``: then the first lines need not wait for the
    last."""
    asks_late: bool = False
    """Whether the client may ask again where the answer at the deadline was empty: it hears why."""


@dataclass(frozen=True, slots=True)
class NextEdit:
    """A request for the next edit of the given version, the caret at ``offset``; answered by one :class:`Completed`
    whose item replaces a line, wherever it is."""

    ticket: int
    uri: str
    version: int
    offset: int
    trigger: Trigger
    received: float
    """Seconds on the engine's clock."""
    cancel: CancelToken = field(default_factory=CancelToken)


@dataclass(frozen=True, slots=True)
class Feedback:
    """What became of an offered item. ``length`` counts the accepted characters of a partial acceptance."""

    uri: str
    completion: int
    kind: Literal["shown", "accepted", "partially_accepted", "rejected"]
    length: int = 0


@dataclass(frozen=True, slots=True)
class DescribeDocument:
    """For ``kvlsp/documentState``; answered by one :class:`DocumentDescribed`."""

    ticket: int
    uri: str


@dataclass(frozen=True, slots=True)
class DescribeEngine:
    """For the statistics command; answered by one :class:`EngineDescribed`."""

    ticket: int


@dataclass(frozen=True, slots=True)
class Watch:
    """From whoever watches; answered by one :class:`Watched` when there is more to see than after turn ``since`` (-1:
    at once), or after some seconds. ``uri`` names the document to be shown; None: the one that the user is in."""

    ticket: int
    since: int = -1
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class DescribeTokens:
    """From whoever watches: the texts of token ``ids`` of the model; answered by one :class:`TokensDescribed`."""

    ticket: int
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Configure:
    settings: Settings


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The last message. ``returns``: whether its sender may be back soon, so that keeping the model is of use."""

    returns: bool = True


Message: TypeAlias = (
    OpenDocument | EditDocument | CloseDocument | PlaceContext | Remember | Complete | NextEdit | Feedback
    | DescribeDocument | DescribeEngine | DescribeTokens | Watch | Configure | Shutdown
)
Question: TypeAlias = DescribeDocument | DescribeEngine | DescribeTokens

# --- from the engine -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Item:
    """Replace [start, end) of the request's version by ``text``. ``completion`` names it in feedback."""

    start: int
    end: int
    text: str
    completion: int


@dataclass(frozen=True, slots=True)
class Completed:
    """The one answer to :class:`Complete` and :class:`NextEdit`. Without items there is a reason."""

    ticket: int
    items: tuple[Item, ...]
    reason: Reason | None
    report: Mapping[str, Any]
    """Counts and milliseconds: kept, moved, encoded, generated, drafted, accepted, latency_ms, stop."""


@dataclass(frozen=True, slots=True)
class DocumentDescribed:
    """version, sha256, characters, tokens, cachedTokens, contextTokens (of other files among them), staleTokens; None
    when the document is unknown."""

    ticket: int
    description: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class EngineDescribed:
    ticket: int
    statistics: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Watched:
    """What the engine did and holds, in terms of JSON; :mod:`kvlsp.engine.watching` says what stands in ``view``."""

    ticket: int
    view: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TokensDescribed:
    """The texts of the ids that were asked for, as well as each can be shown alone; none without a model."""

    ticket: int
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """What a status bar shows. ``percent`` only while loading."""

    kind: Literal["loading", "ready", "computing", "paused", "error"]
    message: str
    percent: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PrefillProgress:
    """Rows of a large prefill that are done; ``done == total`` ends it."""

    uri: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence that people should read once; nothing has failed."""

    text: str


Event: TypeAlias = (
    Completed | DocumentDescribed | EngineDescribed | TokensDescribed | Watched
    | StatusChanged | PrefillProgress | Notice
)
