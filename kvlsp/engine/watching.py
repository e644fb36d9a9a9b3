"""Who watches the engine, and what they are shown: bounded, coalesced, and nothing while nobody watches.

Whoever watches asks for the next view (:class:`~kvlsp.messages.Watch`) and gets one answer when there is something new;
steps between two views are told together. So a slow watcher is behind by one view at most, and one that has gone costs
nothing after :data:`PATIENCE`. A view is made when no request waits, and never takes more than a twentieth of the time.

A view is ``{turn, stroke, model, secondsPerRow, documents, memory, turns, strokes, last, document}``. ``turn`` names
the view. ``turns`` are those after the view that was seen, the last :data:`TURNS` at most:
``[number, at, ms, [[depth, name, after ms, ms, rows], ...]]``; ``strokes`` those that have changed since
(:mod:`kvlsp.engine.strokes`), ``last`` the numbers of the last answer, ``document`` the rows of one document
(:mod:`kvlsp.engine.portrait`). No text, but URIs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from kvlsp import tracing
from kvlsp.cache.witness import Witness
from kvlsp.engine.documents import Documents
from kvlsp.engine.models import Models
from kvlsp.engine.portrait import portrait
from kvlsp.engine.session import Session
from kvlsp.engine.statistics import Statistics
from kvlsp.engine.strokes import QUESTIONS, Strokes, in_json
from kvlsp.messages import Complete, EditDocument, Event, Message, OpenDocument, Watch, Watched
from kvlsp.opening.loading import Loaded
from kvlsp.tracing import Span

TURNS = 200
"""Turns that are remembered."""

PHASES = 40
"""Phases of a turn that are told."""

INTERVAL = 0.04
"""Seconds between two views at least."""

SHARE = 20
"""A view that took so long is followed by none for so many times that."""

LATEST = 0.25
"""Seconds after which a view is made although a request waits."""

KEEPALIVE = 20.0
"""Seconds after which a question is answered although there is nothing new."""

PATIENCE = 5.0
"""Seconds without a question after which nobody watches any more."""

ONLOOKERS = 16
"""Questions that may wait; beyond, the oldest is answered at once."""

_Asked = tuple[float, Watch]


class Watching:
    """Used from the engine's thread only."""

    def __init__(self, documents: Documents, statistics: Statistics, models: Models, clock: Callable[[], float],
                 events: Callable[[Event], None]) -> None:
        self._documents, self._statistics, self._models = documents, statistics, models
        self._clock, self._events = clock, events
        self._asked: list[_Asked] = []
        self._seen_at = 0.0
        self._told_at = self._next_at = -LATEST
        self._strokes: Strokes | None = None
        self._turns: deque[tuple[int, Any]] = deque(maxlen=TURNS)
        self._number = 0
        self._answered: Mapping[str, Any] = {}

    # --- what the loop tells ---------------------------------------------------------------------------------

    def ask(self, watch: Watch) -> None:
        """Somebody watches, and asks for the next view."""
        now = self._seen_at = self._clock()
        self._asked.append((now, watch))
        if self._strokes is None:
            self._strokes = Strokes(now)
            self._answered = self._statistics.last
            self._each_session(self._show)
        if len(self._asked) > ONLOOKERS:
            self._answer(self._asked.pop(0)[1])

    def heard(self, message: Message | Loaded) -> None:
        """This message is about to be applied."""
        strokes = self._strokes
        if strokes is None:
            return
        now = self._clock()
        match message:
            case OpenDocument(snapshot):
                strokes.begin("open", snapshot.uri, now, len(snapshot.text))
            case EditDocument(uri):
                edits = [change.edit for change in message.changes]
                strokes.begin("edit", uri, now, sum(len(edit.text) for edit in edits),
                              sum(edit.end - edit.start for edit in edits))
            case Complete(uri=uri, offset=offset):
                document = self._documents.get(uri)
                if document is not None and document.session is not None and document.session.caret != offset:
                    strokes.begin("caret", uri, now)

    def turn(self) -> AbstractContextManager[None]:
        """Around each turn."""
        if self._strokes is None:
            return nullcontext()
        if not self._asked and self._clock() - self._seen_at > PATIENCE:
            self._strokes = None
            self._turns.clear()
            self._each_session(self._show)
            return nullcontext()
        return tracing.to(self._worked, 0.0, self._clock)

    def _worked(self, turn: Span) -> None:
        """A turn has ended. One that only took questions is not worth a view."""
        strokes = self._strokes
        if strokes is None or all(phase.name in QUESTIONS for phase in turn.inner):
            return
        self._number += 1
        strokes.worked(turn, self._number)
        if self._statistics.last is not self._answered:
            strokes.now.answer = self._answered = self._statistics.last
        self._turns.append((self._number, turn))

    def wait(self) -> float | None:
        """Seconds until somebody is to be told; None when only a turn can bring that."""
        if not self._asked:
            return None
        now = self._clock()
        if any(self._news(watch) for _, watch in self._asked):
            return max(0.0, self._next_at - now)
        return max(0.0, self._asked[0][0] + KEEPALIVE - now)

    def tell(self, busy: bool) -> None:
        """After each turn: show who asked what is new. ``busy``: a request waits, which comes first."""
        if not self._asked:
            return
        now = self._clock()
        if now < self._next_at or (busy and now - self._told_at < LATEST):
            return
        due = [one for one in self._asked if self._news(one[1]) or now - one[0] >= KEEPALIVE]
        for one in due:
            self._asked.remove(one)
            self._answer(one[1])
        if due:
            self._seen_at = self._told_at = done = self._clock()
            self._next_at = done + max(INTERVAL, SHARE * (done - now))

    # --- what is shown ---------------------------------------------------------------------------------------

    def _news(self, watch: Watch) -> bool:
        return watch.since != self._number

    def _answer(self, watch: Watch) -> None:
        self._events(Watched(watch.ticket, self._view(watch)))

    def _view(self, watch: Watch) -> Mapping[str, Any]:
        documents, strokes = self._documents, self._strokes
        assert strokes is not None
        since = watch.since if watch.since <= self._number else -1  # of another engine
        shown = documents.get(watch.uri) or documents.get(documents.current)
        return {
            "turn": self._number,
            "stroke": strokes.now.number,
            "model": self._models.description,
            "secondsPerRow": strokes.seconds_per_row,
            "documents": [self._summary(uri) for uri in documents.uris],
            "memory": self._memory(),
            "turns": [_described(number, turn) for number, turn in self._turns if number > since],
            "strokes": strokes.since(since),
            "last": in_json(self._statistics.last),
            "document": portrait(shown) if shown is not None else None,
        }

    def _summary(self, uri: str) -> Mapping[str, Any]:
        document = self._documents.get(uri)
        session = document.session if document is not None else None
        cache = session.cache if session is not None else None
        return {
            "uri": uri,
            "current": uri == self._documents.current,
            "tokens": len(session.tokens.ids) if session is not None else 0,
            "rows": len(cache.rows) if cache is not None else 0,
            "stale": cache.stale if cache is not None else 0,
            "bytes": cache.nbytes if cache is not None else 0,
            "hostBytes": cache.host_nbytes if cache is not None else 0,
        }

    def _memory(self) -> Mapping[str, Any]:
        store = self._documents.placing.store
        held, most = self._documents.shelving.disk
        return {"bound": self._documents.bound, "hostBound": self._documents.host_bound, "chunks": len(store),
                "chunkBytes": store.nbytes, "disk": held, "diskBound": most}

    def _each_session(self, do: Callable[[Session], None]) -> None:
        """Call ``do`` with each session, and with those that are made from here on."""
        self._documents.begins = do
        for document in self._documents:
            if document.session is not None:
                do(document.session)

    def _show(self, session: Session) -> None:
        """Record what happens to the session's cache as long as somebody watches."""
        cache, strokes = session.cache, self._strokes
        cache.witness = None if strokes is None else Witness(lambda: strokes.now.number, strokes.count)
        cache.judge(strokes is not None, at_rest=True)


def _described(number: int, turn: Span) -> list[Any]:
    phases: list[Any] = []
    for depth, phase in _phases(turn, 0):
        if len(phases) == PHASES:
            break
        after = round(1000 * (phase.began - turn.began), 3)
        phases.append([depth, phase.name, after, round(1000 * phase.seconds, 3), sum(phase.numbers.values())])
    return [number, round(turn.began, 4), round(1000 * turn.seconds, 3), phases]


def _phases(span: Span, depth: int) -> Iterator[tuple[int, Span]]:
    for inner in span.inner:
        yield depth, inner
        yield from _phases(inner, depth + 1)
