"""Which tokens of a document are laid out: spans of it, the caret in one of them, that grow into one window.

A window knows its *goal*: the one range around the caret that shall be laid out in the end, as long as there is room
for. The goal moves rarely, because what comes in costs a prefill and makes everything behind it stale: at a keystroke
only when the caret has left it (a *jump*) or it has outgrown its capacity (blocks at its ends are dropped). Everything
else waits for an idle moment.

Its *spans* are what is laid out of the goal so far. Where nothing is laid out around the caret, a small span is, which
one forward encodes; from there the window grows step by step. It fills the first missing place in layout order: a row
is exact only if all that stands before it in the layout was there when it was encoded, so that way each row is encoded
once. Integers only: token indices in, token indices out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BLOCK = 256
"""A goal's edges move by this many tokens."""

MARGIN = 512
"""When idle, the caret is kept at least this far from an edge of the goal that is not the document's."""

FIRST = 512
"""Tokens that are laid out at once where nothing is: about what a keystroke can wait for."""

SMALL = 2 * FIRST
"""A goal of no more tokens is laid out at once: what growth encodes twice would be a third of it, or more."""

ROOM = 64
"""Nearer to text that is not laid out yet, the caret counts as outside: too little would be known around it."""

_AHEAD = 0.7
"""Share of a fresh window before the caret: what stands before it says more about what comes next."""

Span = tuple[int, int]
"""Document tokens [start, end)."""


@dataclass(frozen=True, slots=True)
class Window:
    """Document tokens of all ``spans`` are laid out, those of ``goal`` shall be. Spans are sorted, lie in the goal and
    do not touch; there is at least one, and only the last that is left may be empty."""

    spans: tuple[Span, ...]
    goal: Span

    @classmethod
    def of(cls, start: int, end: int) -> Window:
        """All of [start, end) is laid out."""
        return cls(((start, end),), (start, end))

    @property
    def start(self) -> int:
        """The first token that is laid out."""
        return self.spans[0][0]

    @property
    def end(self) -> int:
        """Behind the last token that is laid out."""
        return self.spans[-1][1]

    def __len__(self) -> int:
        """Tokens that are laid out."""
        return sum(end - start for start, end in self.spans)

    def holds(self, caret: int) -> bool:
        """Whether the caret lies in or at the edge of a span."""
        return any(start <= caret <= end for start, end in self.spans)

    @property
    def whole(self) -> Window:
        """The window with all of its goal laid out."""
        return Window((self.goal,), self.goal)


def place(tokens: int, caret: int, capacity: int) -> Window:
    """A fresh whole window for a document of ``tokens`` tokens and a caret before token ``caret``."""
    return Window.of(*_placed(tokens, caret, capacity))


def begin(tokens: int, caret: int, capacity: int) -> Window:
    """The first window where nothing is resident: of the goal that :func:`place` gives, what is next to the caret."""
    goal = _placed(tokens, caret, capacity)
    return Window((_around(goal, caret),), goal)


def recall(runs: Sequence[Span], tokens: int, caret: int, capacity: int, spare: int) -> Window:
    """The first window where the tokens of ``runs`` (sorted, none touching the next) are known already: those that lie
    in the goal, and of what is missing between them the whole gaps next to the caret: ``spare`` tokens at most, but for
    those so near that the caret would count as outside."""
    goal = _placed(tokens, caret, capacity)
    spans = [(max(start, goal[0]), min(end, goal[1])) for start, end in runs]
    spans = [(start, end) for start, end in spans if start < end]
    if not spans:
        return begin(tokens, caret, capacity)
    gaps = [(max(start - caret, caret - end, 0), start, end) for start, end in _gaps(Window(tuple(spans), goal))]
    for away, start, end in sorted(gaps):
        spare -= end - start
        if spare >= 0 or (away < ROOM and end - start <= FIRST):
            spans.append((start, end))
    return Window(_merged(spans), goal)


def follow(window: Window, tokens: int, start: int, end: int, inserted: int, *, laid_out: bool = True) -> Window:
    """The same window after document tokens [start, end) became ``inserted`` others.

    ``tokens`` counts the document before the edit. What is inserted inside a span, or at an edge of it that is the
    document's own, belongs to the span; at an inner edge it does not, and not ``laid_out`` (text that was there but
    has only now been read) it belongs to none. The goal follows like a span in any case.
    """
    goal = _followed(window.goal, tokens, start, end, inserted)
    if laid_out:
        return Window(_merged(_followed(span, tokens, start, end, inserted) for span in window.spans), goal)
    return Window(_merged(part for span in window.spans for part in _parted(span, start, end, inserted)), goal)


def keep_up(window: Window, tokens: int, caret: int, capacity: int) -> Window:
    """What must change at a keystroke: nothing, a small span around a caret that has jumped, or blocks dropped when
    full. What is laid out already stays, as far as it lies in the goal."""
    return _within(window, _kept(window.goal, tokens, caret, capacity), caret)


def slide(window: Window, tokens: int, caret: int, capacity: int) -> Window:
    """All that idle moments improve, at once: the caret is led away from the goal's edges, by whole blocks, and the
    goal is laid out."""
    return Window.of(*_led(window.goal, tokens, caret, capacity))


def grow(window: Window, tokens: int, caret: int, capacity: int, rows: int, order: str) -> Window:
    """What one idle moment improves: as :func:`slide`, but at most ``rows`` tokens are added, where ``order`` (that of
    the template) has the first gap. The same window when there is nothing left to do."""
    window = _within(window, _led(window.goal, tokens, caret, capacity), caret)
    gap = _first_gap(window, caret, order)
    if gap is None:
        return window
    start, end = gap
    return Window(_merged([*window.spans, (start, min(end, start + rows))]), window.goal)


def next_gap(window: Window, tokens: int, caret: int, capacity: int, order: str) -> int | None:
    """The document token from which on :func:`grow` adds; None when nothing is left to add."""
    gap = _first_gap(_within(window, _led(window.goal, tokens, caret, capacity), caret), caret, order)
    return gap[0] if gap is not None else None


# --- spans -----------------------------------------------------------------------------------------------------


def _around(goal: Span, caret: int) -> Span:
    """:data:`FIRST` tokens of the goal next to the caret, what one side has not from the other; all of a small goal."""
    if goal[1] - goal[0] <= SMALL:
        return goal
    start = max(goal[0], caret - int(FIRST * _AHEAD))
    end = min(goal[1], start + FIRST)
    return max(goal[0], end - FIRST), end


def _within(window: Window, goal: Span, caret: int) -> Window:
    """What the window has of ``goal``, and what it needs around ``caret``."""
    spans = [(max(start, goal[0]), min(end, goal[1])) for start, end in window.spans]
    spans = [(start, end) for start, end in spans if start < end]
    if not any(_has_room(span, goal, caret) for span in spans):
        spans.append(_around(goal, caret))
    return Window(_merged(spans), goal)


def _has_room(span: Span, goal: Span, caret: int) -> bool:
    before, behind = caret - span[0], span[1] - caret
    return min(before, behind) >= 0 and (before >= ROOM or span[0] == goal[0]) and (
        behind >= ROOM or span[1] == goal[1]
    )


def _first_gap(window: Window, caret: int, order: str) -> Span | None:
    """What is missing of the goal first in layout order. The caret lies in a span, so a gap has one side of it."""
    gaps = _gaps(window)
    if order == "suffix_first":
        gaps.sort(key=lambda gap: gap[0] < caret)
    return gaps[0] if gaps else None


def _gaps(window: Window) -> list[Span]:
    """What is missing of the goal."""
    edges = [window.goal[0], *(edge for span in window.spans for edge in span), window.goal[1]]
    return [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end]


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Sorted, those that meet made one, without empty ones unless there is nothing else."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return tuple(span for span in result if span[0] < span[1]) or tuple(result[:1])


def _followed(span: Span, tokens: int, start: int, end: int, inserted: int) -> Span:
    change = inserted - (end - start)
    left, right = span
    if end <= left and not (start == end == left and left == 0):  # wholly before
        return left + change, right + change
    if start > right or (start == right and right < tokens):  # wholly behind
        return span
    if start < left:  # reaches in from before: what is inserted stays outside
        left = start + inserted
    if end > right:
        return left, max(left, start if right < tokens else start + inserted)
    return left, max(left, right + change)


def _parted(span: Span, start: int, end: int, inserted: int) -> list[Span]:
    """What is left of a span on both sides of an edit."""
    (left, right), change = span, inserted - (end - start)
    if end <= left:
        return [(left + change, right + change)]
    if start >= right:
        return [span]
    return [(min(left, start), start), (start + inserted, max(right, end) + change)]


# --- the goal --------------------------------------------------------------------------------------------------


def _placed(tokens: int, caret: int, capacity: int) -> Span:
    if tokens <= capacity:
        return 0, tokens
    length = _whole_blocks(capacity)
    start = min(max(0, caret - int(length * _AHEAD)), tokens - length)
    aligned = start // BLOCK * BLOCK
    start = aligned if caret <= aligned + length and start + length < tokens else start
    return start, start + length


def _kept(goal: Span, tokens: int, caret: int, capacity: int) -> Span:
    """The goal after a keystroke."""
    start, end = goal
    if not start <= caret <= end or end > tokens:
        return _placed(tokens, caret, capacity)
    while end - start > capacity:
        before, behind = caret - start, end - caret
        if behind * _AHEAD > before * (1 - _AHEAD):
            end = max(caret, end - min(BLOCK, behind))
        else:
            start = min(caret, start + min(BLOCK, before))
    return start, end


def _led(goal: Span, tokens: int, caret: int, capacity: int) -> Span:
    """The goal after an idle moment."""
    if tokens <= capacity:
        return 0, tokens
    start, end = _kept(goal, tokens, caret, capacity)
    while start > 0 and caret - start < MARGIN:
        start = max(0, start - BLOCK)
    while end < tokens and end - caret < MARGIN:
        end = min(tokens, end + BLOCK)
    while end - start > capacity:
        if end - caret > MARGIN and (caret - start <= MARGIN or end - caret > caret - start):
            end = max(caret + min(MARGIN, tokens - caret), end - BLOCK)
        elif caret - start > MARGIN:
            start = min(caret - MARGIN, start + BLOCK)
        else:  # a capacity below two margins: take what fits around the caret
            return _placed(tokens, caret, capacity)
    return start, end


def _whole_blocks(capacity: int) -> int:
    return capacity // BLOCK * BLOCK if capacity > BLOCK else capacity
