"""Which of the brackets that are open at a caret the text behind it closes: those are held, nobody else may close them.

    held_brackets(language, scan, line_before, line_after, rest)   # a bool for each bracket of scan.stack
"""

from __future__ import annotations

from dataclasses import dataclass

from kvlsp.syntax.language import Language, StringKind
from kvlsp.syntax.scanner import CLOSER_OF, Bracket, Scan, end_line, indent_of, scan_line


@dataclass(frozen=True, slots=True)
class OpenBracket:
    """A bracket that is open at the caret. ``held``: the suffix closes it, so nobody else may."""

    bracket: Bracket
    held: bool


def held_brackets(language: Language | None, scan: Scan, line_before: str, line_after: str, rest: str,
         aligned: int | None = None) -> list[bool]:
    """For each bracket of the stack whether the suffix closes it.

    The suffix's surplus closers are paired with the stack from the inside out; a closer that stands first on
    its line belongs to a bracket whose line has the same indentation, where that bracket is one of the first
    ``aligned`` (None: all). What is left over misses its closer.
    """
    if not scan.stack:
        return []
    blank = not line_before.strip()
    column = "" if blank else line_before[:len(line_before) - len(line_before.lstrip())]
    first = scan_line(language, column + line_after, Scan(inside=read_inside(language, scan, line_after)))
    closing = [(character, indent_of(line_before) if blank and indent >= 0 else -1)
               for _, character, indent in first.excess]
    state = end_line(Scan(first.stack, first.inside))
    for line in rest.split("\n"):
        state = end_line(scan_line(language, line, state))
        if len(closing) + len(state.excess) >= len(scan.stack):
            break
    closing += [(character, indent) for _, character, indent in state.excess]
    found = [False] * len(scan.stack)
    waiting = iter(closing)
    closer = next(waiting, None)
    for index in range(len(scan.stack) - 1, -1, -1):
        if closer is None:
            break
        bracket = scan.stack[index]
        lined_up = closer[1] in (-1, bracket.indent) or (aligned is not None and index >= aligned)
        if CLOSER_OF[bracket.character] == closer[0] and lined_up:
            found[index] = True
            closer = next(waiting, None)
    return found


def read_inside(language: Language | None, scan: Scan, line_after: str) -> StringKind | None:
    """The string or comment that the text behind the caret begins in: none if one of one line has no end there."""
    inside = scan.inside
    if inside is None or inside.lines or scan_line(language, line_after, Scan(inside=inside)).inside is None:
        return inside
    return None
