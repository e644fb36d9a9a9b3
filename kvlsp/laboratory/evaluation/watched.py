"""What it costs a key that somebody watches: two engines of one model get the same keys, one of them is watched.

Measured until the key's suggestion is said, until the turn that brings it has ended, with the view that follows it, and
until nothing is left to do at once. The whole window is laid out and exact before the first key. Both engines
are turned by hand, one key after the other, so that whatever else the machine does meets both alike.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from kvlsp.config import Settings
from kvlsp.engine.engine import Engine
from kvlsp.messages import Complete, Completed, Configure, EditDocument, Event, OpenDocument, Watch, Watched
from kvlsp.opening.model import Model
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope

URI = "file:///watched.py"

Clock = Callable[[], float]


def measure(model: Model, text: str, settings: Settings, *, keys: int = 60, clock: Clock = time.perf_counter,
            advance: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Medians over ``keys`` letters typed in the middle of ``text``, in milliseconds: ``alone_ms`` and ``watched_ms``
    to the suggestion, the median of their differences, ``cost_ms``, with its 95 % interval; the same to the end of that
    turn, ``turn_cost_ms``, which a next key would wait for; ``after_ms``, what comes later. ``views`` were made, of
    ``view_bytes`` as JSON, with ``rows``."""
    settings = dataclasses.replace(settings, deadline_ms=60_000, idle_ms=60_000, cross_file="never", full_prefill=False)
    alone, watched = _Typed(model, text, settings, clock), _Typed(model, text, settings, clock)
    watched.look()
    pairs: list[tuple[_Moments, _Moments]] = []
    for number, letter in enumerate(itertools.islice(itertools.cycle("value "), keys)):
        first, second = (alone, watched) if number % 2 else (watched, alone)
        taken = {id(one): one.key(letter) for one in (first, second)}
        pairs.append((taken[id(alone)], taken[id(watched)]))
        advance()
    views = watched.views
    return {
        "document_tokens": alone.tokens,
        "keys": keys,
        "alone_ms": _median([before.said for before, _ in pairs]),
        "watched_ms": _median([seen.said for _, seen in pairs]),
        "cost_ms": _median(costs := [seen.said - before.said for before, seen in pairs]),
        "cost_interval_ms": _interval(costs),
        "turn_cost_ms": _median(costs := [seen.ended - before.ended for before, seen in pairs]),
        "turn_cost_interval_ms": _interval(costs),
        "after_ms": _median([seen.done - seen.ended - (before.done - before.ended) for before, seen in pairs]),
        "views": len(views),
        "rows": views[-1]["document"]["rows"] if views else 0,
        "view_bytes": round(statistics.median(len(json.dumps(view)) for view in views)) if views else 0,
        "times": round(statistics.median(seen.said / max(before.said, 1e-9) for before, seen in pairs), 3),
    }


class _Moments(NamedTuple):
    """Milliseconds from a key to its suggestion, to the end of that turn, and to the end of all that it brings."""

    said: float
    ended: float
    done: float


class _Typed:
    """One engine and the document in which keys are typed."""

    def __init__(self, model: Model, text: str, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        self._events: list[Event] = []
        self._numbers = itertools.count(1)
        at_rest = dataclasses.replace(settings, idle_ms=0)
        self._said: dict[int, float] = {}
        self._engine = Engine(at_rest, self._hear, lambda *_: model, time.monotonic)
        self._engine.load()
        self._engine.turn(None)  # the model is there
        rope = Rope.of(text)
        self._snapshot = Snapshot(URI, 1, rope, "python")
        self._caret = rope.line_start(rope.line_count // 2 + 1) - 1
        self._engine.post(OpenDocument(self._snapshot))
        self._ask()
        self._at_once()
        self._engine.post(Configure(settings))
        self._at_once()

    @property
    def tokens(self) -> int:
        document = self._engine.documents.get(URI)
        return len(document.session.tokens.ids) if document is not None and document.session is not None else 0

    @property
    def views(self) -> list[Any]:
        return [event.view for event in self._events if isinstance(event, Watched)]

    def look(self) -> None:
        """Ask for the next view, as a page does; the first one is made now."""
        seen = [view["turn"] for view in self.views]
        self._engine.post(Watch(next(self._numbers), seen[-1] if seen else -1))
        if not seen:
            self._at_once()
            self.look()

    def key(self, letter: str) -> _Moments:
        before, known = len(self.views), self._snapshot
        edit = Edit(self._caret, self._caret, letter)
        after = known.text.replace(edit)
        self._snapshot = Snapshot(URI, known.version + 1, after, known.language)
        self._caret += 1
        begun = self._clock()
        self._engine.post(EditDocument(URI, known.version, (Change(edit, after),), self._snapshot))
        ticket = self._ask()
        while ticket not in self._said:
            self._engine.turn(self._engine.patience())
        ended = self._clock()
        self._at_once()
        done = self._clock()
        if len(self.views) > before:
            self.look()
        return _Moments(*(1000 * (moment - begun) for moment in (self._said[ticket], ended, done)))

    def _hear(self, event: Event) -> None:
        self._events.append(event)
        if isinstance(event, Completed):
            self._said[event.ticket] = self._clock()

    def _ask(self) -> int:
        ticket = next(self._numbers)
        self._engine.post(Complete(ticket, URI, self._snapshot.version, self._caret, "automatic", time.monotonic()))
        return ticket

    def _at_once(self) -> None:
        """What needs no rest; a view is waited for."""
        while (patience := self._engine.patience()) is not None and patience < 1.0:
            self._engine.turn(patience)


def _median(values: list[float]) -> float:
    return round(statistics.median(values), 2)


def _interval(values: list[float]) -> list[float]:
    """95 % of the medians of samples drawn from them."""
    drawn = np.random.default_rng(0).choice(values, (1000, len(values)))
    return [round(float(one), 2) for one in np.quantile(np.median(drawn, axis=1), (0.025, 0.975))]
