"""The code around a text that might be inserted at a caret: a bounded piece that can be parsed with and without it.

    around = Around(place)
    piece = around.piece(inserted, Size.BLOCK)     # lines above and below, of the block that this text would stand in
    piece.parses(inserted)                         # whether they are whole with the text between them

A piece of a document is parsed, not the document: the lines of the enclosing block above the caret and those below
it, up to the bracket or dedent that ends the block or to :data:`block.BLOCK` characters, in the frames
(:class:`kvlsp.syntax.language.Frame`) that fit them. There are several sizes of it (:class:`Size`), because what cannot
be parsed may stand anywhere: a macro above, a statement that is typed halfway.
"""

from __future__ import annotations

from enum import Enum
from functools import cached_property

from kvlsp.syntax.block import BLOCK, Place, block_lines, goes_on_with, statement_brackets
from kvlsp.syntax.conditionals import Conditionals
from kvlsp.syntax.language import Language
from kvlsp.syntax.piece import PATIENCE, PATIENCE_IN_ALL, Patience, Piece
from kvlsp.syntax.scanner import Scan, closers, end_line, indent_of, scan_line, scan_lines
from kvlsp.syntax.window import WINDOW


class Size(Enum):
    """How much of the code around the caret is parsed."""

    WIDE = "wide"              # the enclosing block within the block or definition around it
    BLOCK = "block"            # the enclosing block
    ABOVE = "above"            # its lines above, and below what the caret's own statement needs
    STATEMENT = "statement"    # the caret's own statement alone
    WINDOW = "window"          # all that is looked at: of a short document all of it


_BELOW = {Size.WIDE: BLOCK, Size.BLOCK: BLOCK, Size.ABOVE: 0, Size.STATEMENT: 0, Size.WINDOW: WINDOW}
"""About so many characters behind the caret."""


class Around:
    """What stands around ``place``, whose language is known."""

    def __init__(self, place: Place) -> None:
        assert place.language is not None
        self.place, self.language = place, place.language
        self._patience = Patience(PATIENCE_IN_ALL)
        self._pieces: dict[tuple[str, str], Piece] = {}

    @cached_property
    def conditionals(self) -> Conditionals:
        """What is open at the caret of ``#if`` and the like."""
        return Conditionals(self.place)

    def piece(self, inserted: str, size: Size) -> Piece:
        """The lines of the block in which ``inserted`` would stand; equal ones are the same object."""
        # A piece begins with a line: what the caret's own line opens is inside it.
        own = scan_line(self.language, self.place.line_before, Scan(inside=self.place.states[-1].inside))
        outer = max(0, len(self.place.states[-1].stack) - len(own.excess))
        depth = min(self.place.inner, outer, least_open(self.place, inserted))
        if size is Size.WIDE:
            depth = statement_brackets(self.language, self.place.scan.stack[: max(0, depth - 1)], self.place.lines)
        base = self._base(inserted)
        if size is Size.WINDOW:
            depth, base = 0, None if base is None else 0
        joint = scan_lines(self.language, self.place.line_before + inserted, self.place.states[-1])
        above = self._above(depth, base, size)
        below, cut = _below(self.language, self.place, joint, depth, base, _BELOW[size])
        key = above, below
        if key not in self._pieces:
            self._pieces[key] = Piece(self.language, above, self.place.line_before, below, not depth,
                                      not depth and self.place.from_start, cut,
                                      Patience(PATIENCE, self._patience))
        return self._pieces[key]

    def _above(self, depth: int, base: int | None, size: Size) -> str:
        lines, stack = self.place.lines, self.place.scan.stack
        if size is Size.WINDOW:
            start = self._first_in_sight
        elif size is Size.STATEMENT:
            start = min([self._first, *(bracket.line for bracket in stack[depth:])])
        else:
            top = stack[depth - 1].line + 1 if depth else 0
            start = min(self._first, block_lines(self.language, lines, self.place.states, depth, base, top))
        inside = self.place.states[start].inside
        opened = "" if inside is None else inside.open
        return opened + "".join(line + "\n" for line in lines[start:-1])

    @cached_property
    def _first_in_sight(self) -> int:
        """The line with which all that is in sight begins: where the lines begin inside of something, behind the last
        bracket that closes some of it, and the least indented."""
        place = self.place
        rows = [row for row, state in enumerate(place.states) if state.inside is None]
        if place.enclosed_above and self.language.layout == "braces":
            closed = len(place.scan.excess)
            rows = [row for row in rows if not place.states[row].stack and len(place.states[row].excess) == closed
                    and place.lines[row].strip() and row < len(place.lines) - 1
                    and not goes_on_with(self.language, place.lines[row], place.lines[row - 1] if row else "")] or rows
            return min(rows, key=lambda row: indent_of(place.lines[row]), default=0)
        return rows[0] if rows else 0  # all that is in sight may stand inside one string

    @cached_property
    def _first(self) -> int:
        """The line in which the caret's own statement begins, as far as strings of several lines and, where indentation
        makes blocks, brackets tell."""
        row, braces = len(self.place.lines) - 1, self.language.layout == "braces"
        while row and (self.place.states[row].inside is not None or (self.place.states[row].stack and not braces)):
            row -= 1
        return row

    def _base(self, inserted: str) -> int | None:
        """Indentation of the block, None where brackets make blocks: less than the caret's where the text leaves it."""
        if self.language.layout == "braces":
            return None
        place = self.place
        base = place.header if place.header is not None else indent_of(place.lines[self._first])
        state = place.states[-1]
        for line in (place.line_before + inserted).split("\n"):
            if line.strip() and state.inside is None and not state.stack:
                base = min(base, indent_of(line))
            state = end_line(scan_line(self.language, line, state))
        return base


def least_open(place: Place, inserted: str) -> int:
    """How many of the brackets that are open at the caret ``inserted`` never closes."""
    scan = scan_lines(place.language, inserted, Scan(inside=place.scan.inside, comment=place.commented))
    return max(0, len(place.scan.stack) - len(scan.excess))


def _below(language: Language, place: Place, joint: Scan, depth: int, base: int | None, most: int) -> tuple[str, bool]:
    """The text behind the caret to where the block ends that lies inside ``depth`` brackets.

    At least the rest of the caret's line, and as many lines as close what the caret's own statement has open; about
    ``most`` characters, cut where the least is open and the line is the least indented, with closers for that: no
    bracket tells where a tag ends, or an operand of many lines. Of what follows it has a line at least, and no header
    without the bracket below it. And whether it takes any closers.
    """
    lines = [place.line_after, *place.following.split("\n")]
    unended = len(place.line_after) + len(place.following) >= WINDOW - 2  # but for a line break of two characters
    own = max(len(joint.stack) - depth, sum(bracket.held for bracket in place.open[depth:]))
    goes_on = joint.inside is None or place.ends(joint.inside)
    state = Scan(inside=place.held or (joint.inside if goes_on else place.scan.inside))
    size, least, cut, follows = 0, (1 << 30, True, 0), 1, False
    missing, left = state.stack, 0  # what is open at the cut: of the lines below, and of those above it
    upper = joint.stack[depth:]

    def ended() -> tuple[str, bool]:
        end = closers(missing) + closers(upper[:left])
        return "\n".join([*lines[:cut], end]), bool(end)

    for number, line in enumerate(lines):
        if number and state.inside is None and line.strip():
            waiting = max(0, len(upper) - len(state.excess))
            if base is not None and not waiting and not state.stack and indent_of(line) < base:
                return "\n".join(lines[:number]), False
            parted = line.lstrip().startswith("{") or goes_on_with(language, line, lines[number - 1])
            open_here = waiting + len(state.stack), parted, max(indent_of(line) - (base or 0), 0)
            if open_here <= least and (follows or not most):
                least, cut, missing, left = open_here, number, state.stack, waiting
            if size > most and (not (least[0] or least[1]) or size > most + BLOCK):
                return ended()
            follows = True
        state = scan_line(language, line, state)
        if len(state.excess) > own:  # the closer of the block itself
            return "\n".join([*lines[:number], line[: state.excess[own][0]]]), False
        state = end_line(state)
        size += len(line) + 1
    if unended and cut > 1:
        return ended()
    return "\n".join(lines), False
