"""What each key, or move of the caret, took: rows by kind, seconds by part, and what came of it.

A stroke begins with the message that brings it and holds all work until the next one. Owned by the model's thread, and
kept only while somebody watches. Numbers only, no text.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kvlsp.tracing import Span

KEPT = 48
"""Strokes that are remembered."""

PARTS = ("tokenize", "move", "encode", "decode")
"""Spans that are parts of a stroke's time."""

AT_REST = frozenset({"refresh", "refine", "place", "grow"})
"""Work that waits for the keyboard to rest."""

QUESTIONS = frozenset({"apply Watch", "apply DescribeTokens", "apply DescribeEngine", "apply DescribeDocument"})
"""Spans of answering questions, which change nothing."""

FOR_WHO_LOOKS = QUESTIONS | {"judge"}
"""Spans that no stroke causes."""

TELLING = 48
"""Rows from which on a forward says how long a row takes: below, most of it is what any forward takes."""

Kind = Literal["open", "edit", "caret"]


@dataclass(slots=True, eq=False)
class Stroke:
    """``at`` in seconds of the engine's clock, ``turn`` the last one that worked for it. ``seconds`` by part: those of
    :data:`PARTS`, ``rest`` for what waits for a rest, ``other``."""

    number: int
    kind: Kind
    uri: str
    at: float
    inserted: int = 0
    removed: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    forwards: int = 0
    turn: int = 0
    answer: Mapping[str, Any] | None = None

    def describe(self) -> Mapping[str, Any]:
        """In terms of JSON; times in milliseconds."""
        return {
            "number": self.number, "kind": self.kind, "uri": self.uri, "at": round(self.at, 4),
            "inserted": self.inserted, "removed": self.removed, "rows": dict(self.rows), "forwards": self.forwards,
            "ms": {part: round(1000 * seconds, 3) for part, seconds in self.seconds.items()},
            "answer": in_json(self.answer) if self.answer is not None else None,
        }


class Strokes:
    """The last :data:`KEPT` of them; one is always under way."""

    def __init__(self, at: float) -> None:
        self._strokes: deque[Stroke] = deque([Stroke(0, "open", "", at, turn=-1)], maxlen=KEPT)
        self._timed: deque[tuple[int, float]] = deque(maxlen=64)

    @property
    def now(self) -> Stroke:
        """The one under way."""
        return self._strokes[-1]

    def begin(self, kind: Kind, uri: str, at: float, inserted: int = 0, removed: int = 0) -> None:
        self._strokes.append(Stroke(self.now.number + 1, kind, uri, at, inserted, removed))

    def count(self, kind: str, rows: int) -> None:
        """Of the one under way. Of several plans the one that kept the fewest rows says how many stayed."""
        known = self.now.rows
        if kind == "kept" and known["plans"] > 1:  # a plan is counted before what it keeps
            known[kind] = min(known[kind], rows)
        else:
            known[kind] += rows

    def worked(self, turn: Span, number: int) -> None:
        """A turn has ended."""
        stroke = self.now
        phases = [phase for phase in turn.inner if phase.name not in FOR_WHO_LOOKS]
        if not phases:
            return
        for one in reversed(self._strokes):
            if one.turn and one is not stroke:
                break
            one.turn = number  # those that were overtaken in the turn that brought them, too
        for phase in phases:
            parts = list(_parts(phase))
            encoded = [part for part in parts if part.name in ("encode", "decode")]
            stroke.forwards += len(encoded)
            self._timed.extend((part.numbers["rows"], part.seconds) for part in encoded
                               if part.name == "encode" and part.numbers.get("rows", 0) >= TELLING)
            if phase.name in AT_REST:
                stroke.seconds["rest"] += phase.seconds
                continue
            for part in parts:
                stroke.seconds[part.name] += part.seconds
            stroke.seconds["other"] += max(0.0, phase.seconds - sum(part.seconds for part in parts))

    def since(self, turn: int) -> list[Mapping[str, Any]]:
        """Those that have changed after that turn."""
        return [stroke.describe() for stroke in self._strokes if stroke.turn > turn]

    @property
    def seconds_per_row(self) -> float | None:
        """How long a row takes, by the quickest of the last forwards of many rows; None before the first."""
        return min((seconds / rows for rows, seconds in self._timed), default=None)


def in_json(report: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of an answer as plain ones: JSON has no place for numpy's."""
    return {name: value.item() if hasattr(value, "item") else value for name, value in report.items()}


def _parts(span: Span) -> Iterator[Span]:
    """The parts in it, whose own parts are not counted again."""
    for inner in span.inner:
        if inner.name in PARTS:
            yield inner
        else:
            yield from _parts(inner)
