"""Which tokens of a long document are laid out: a window around the caret, moved by blocks.

A slide costs a prefill of what comes in and makes everything behind it stale, so windows move rarely: at a
keystroke only when the caret has left the window (a *jump*, which refills) or the window has outgrown its
capacity (rows are dropped, none encoded). Everything else waits for an idle moment. Integers only: token indices
in, token indices out.
"""

from __future__ import annotations

from dataclasses import dataclass

BLOCK = 256
"""A window's edges move by this many tokens."""

MARGIN = 512
"""When idle, the caret is kept at least this far from an edge that is not the document's."""

_AHEAD = 0.7
"""Share of a fresh window before the caret: what stands before it says more about what comes next."""


@dataclass(frozen=True, slots=True)
class Window:
    """Document tokens [start, end) are laid out."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    def holds(self, caret: int) -> bool:
        return self.start <= caret <= self.end


def place(tokens: int, caret: int, capacity: int) -> Window:
    """A fresh window for a document of ``tokens`` tokens and a caret before token ``caret``."""
    if tokens <= capacity:
        return Window(0, tokens)
    span = _whole_blocks(capacity)
    start = min(max(0, caret - int(span * _AHEAD)), tokens - span)
    aligned = start // BLOCK * BLOCK
    start = aligned if caret <= aligned + span and start + span < tokens else start
    return Window(start, start + span)


def follow(window: Window, tokens: int, start: int, end: int, inserted: int) -> Window:
    """The same window after document tokens [start, end) became ``inserted`` others.

    ``tokens`` counts the document before the edit. What is inserted at an edge of the window that is the
    document's own belongs to the window; at an inner edge it does not.
    """
    change = inserted - (end - start)
    left, right = window.start, window.end
    if end <= left and not (start == end == left and left == 0):  # wholly before
        return Window(left + change, right + change)
    if start > right or (start == right and right < tokens):  # wholly behind
        return window
    if start < left:  # reaches in from before: what is inserted stays outside
        left = start + inserted
    if end > right:
        return Window(left, max(left, start if right < tokens else start + inserted))
    return Window(left, max(left, right + change))


def keep_up(window: Window, tokens: int, caret: int, capacity: int) -> Window:
    """What must change at a keystroke: nothing, a refill after a jump, or blocks dropped when full."""
    if not window.holds(caret) or window.end > tokens:
        return place(tokens, caret, capacity)
    while len(window) > capacity:
        before, behind = caret - window.start, window.end - caret
        if behind * _AHEAD > before * (1 - _AHEAD):
            window = Window(window.start, max(caret, window.end - min(BLOCK, behind)))
        else:
            window = Window(min(caret, window.start + min(BLOCK, before)), window.end)
    return window


def slide(window: Window, tokens: int, caret: int, capacity: int) -> Window:
    """What an idle moment improves: the caret is led away from the edges, by whole blocks."""
    window = keep_up(window, tokens, caret, capacity)
    if tokens <= capacity:
        return Window(0, tokens)
    start, end = window.start, window.end
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
            return place(tokens, caret, capacity)
    return Window(start, end)


def _whole_blocks(capacity: int) -> int:
    return capacity // BLOCK * BLOCK if capacity > BLOCK else capacity
