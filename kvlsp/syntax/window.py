"""The text above a caret that is looked at: its lines, and what the scanner knows at the start of each.

    lines = window_lines(prefix)
    states = line_states(language, tuple(lines[:-1]), whole=len(prefix) < WINDOW)

A long text is cut at a line that looks like code. That line may stand inside a string or a comment all the same, which
begins above the cut: the window is read from outside and from inside of each, and what the parser makes most sense of
is what was written. :func:`state_at` asks no parser.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from kvlsp.errors import TooCostly
from kvlsp.syntax.language import Language, StringKind
from kvlsp.syntax.scanner import Bracket, Scan, closers, end_line, scan_line

WINDOW = 8000
"""Characters before and after the caret that are looked at."""
PLAUSIBLE = 0.7
"""A larger share of lines that look like what they are read as is not doubted."""
NONSENSE = 0.25
"""So many words and signs per line that the parser makes nothing of are no reason to doubt that it is code."""
SECONDS = 0.03
"""Of processor time for a reading; in the window of a file that somebody wrote it takes a tenth of that."""

_CODE = re.compile(r"[=(\[{;]|[:,)\]}]\s*$|^\s*(return|else|pass|break|continue|import|export|from|end)\b")
_TOP = re.compile(r"^[A-Za-z@#][^\n]*", re.MULTILINE)


def window_lines(prefix: str) -> list[str]:
    """The lines at the end of ``prefix``; of a long one from the first that looks like the start of code: no
    indentation, begins a word."""
    if len(prefix) < WINDOW:
        return prefix.split("\n")
    tail = prefix[-WINDOW:]  # of a longer text, from somewhere in a line on
    cut = tail.find("\n")
    if cut < 0:
        return [tail]
    tail = tail[cut + 1:]
    first = _TOP.search(tail)
    return (tail[first.start():] if first else tail).split("\n")


def state_at(language: Language | None, prefix: str) -> Scan:
    """What the scanner knows at the end of ``prefix``, without a parser's word on where a long text was cut."""
    *above, last = window_lines(prefix)
    return scan_line(language, last, _scanned(language, tuple(above), len(prefix) < WINDOW)[-1])


@lru_cache(maxsize=8)  # while a line is typed, those above it stay the same
def line_states(language: Language | None, above: tuple[str, ...], whole: bool) -> tuple[Scan, ...]:
    """The state at the start of each line ``above`` the caret's, and of that one.

    A window cut out of a longer text (not ``whole``) may begin inside a string or comment of several lines. Where that
    ends within the window, the parser tells; where it does not, the looks of the lines.
    """
    code = _read(language, above, None)
    if whole or language is None:
        return code
    read = [(kind, _read(language, above, kind)) for kind in language.long_kinds]
    others = [(kind, found) for kind, found in read if not (kind.comment and _opens_again(above, kind, found))]
    ended = [(kind, found) for kind, found in others if any(state.inside is not kind for state in found)]
    unsure = len(ended) < len(others) and _plausible(above, code) <= PLAUSIBLE
    if not unsure and all(_end(found) == _end(code) and _begins_as_code(above, code, found) for _, found in ended):
        return code
    least = _nonsense(language, above, None, code)
    if not least:
        return code
    best, fewest = code, least
    for kind, found in ended:
        nonsense = _nonsense(language, above, kind, found)
        if nonsense < fewest:
            best, fewest = found, nonsense
    if best is code and least > len(above) * NONSENSE:  # the parser makes little of it: inside a string throughout?
        return _looks(language, above, code, whole)
    return best


def goes_on(language: Language | None, below: Sequence[str], inside: StringKind) -> bool:
    """Whether the lines below look more like what they are where a string goes on above them than where none does."""
    read, code = _read(language, below, inside), _read(language, below, None)
    return _plausible(below, read) > _plausible(below, code)


def _end(states: Sequence[Scan]) -> tuple[tuple[Bracket, ...], StringKind | None]:
    return states[-1].stack, states[-1].inside


def _begins_as_code(above: Sequence[str], code: Sequence[Scan], found: Sequence[Scan]) -> bool:
    """Whether the lines that only ``found`` has inside of a string or comment look like code all the same."""
    count = next((row for row, state in enumerate(found) if state.inside is None), 0)
    return _plausible(above[:count], code) > PLAUSIBLE


@lru_cache(maxsize=8)
def _scanned(language: Language | None, above: tuple[str, ...], whole: bool) -> tuple[Scan, ...]:
    """Like :func:`line_states`, by the looks of the lines alone."""
    return _looks(language, above, _read(language, above, None), whole)


def _read(language: Language | None, above: Sequence[str], first: StringKind | None) -> tuple[Scan, ...]:
    states = [Scan(inside=first)]
    for line in above:
        states.append(end_line(scan_line(language, line, states[-1])))
    return tuple(states)


def _nonsense(language: Language, above: Sequence[str], first: StringKind | None, states: Sequence[Scan]) -> int:
    """How many words and signs the parser makes nothing of in the lines, read from inside of ``first``; what is open
    at their end is closed."""
    end = states[-1]
    close = (end.inside.close if end.inside is not None else "") + closers(end.stack)
    text = "\n".join((*above, close))
    try:
        root = language.parse(text if first is None else first.open + text, seconds=SECONDS).root_node
    except TooCostly:
        return len(text)
    count, waiting = 0, [root]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            count += max(1, node.child_count)
        if node.has_error:
            waiting.extend(node.children)
    return count


def _opens_again(above: Sequence[str], kind: StringKind, found: Sequence[Scan]) -> bool:
    """Whether another comment begins before the end of the one that the lines begin in: nobody writes that."""
    for line, state in zip(above, found[1:], strict=True):
        if kind.open in line.partition(kind.close)[0]:
            return True
        if state.inside is not kind or kind.close in line:
            return False
    return False


def _looks(language: Language | None, above: Sequence[str], states: tuple[Scan, ...], whole: bool) -> tuple[Scan, ...]:
    """The reading in which the most lines look like what they are read as; ``states`` where that is plausible."""
    if whole or language is None or _plausible(above, states) > PLAUSIBLE:
        return states
    others = (_read(language, above, kind) for kind in language.long_kinds)
    return max([states, *others], key=lambda found: _plausible(above, found))


def _plausible(lines: Sequence[str], states: Sequence[Scan]) -> float:
    """Share of lines that look like code outside of strings and like prose inside."""
    judged = [(_CODE.search(line) is not None) == (state.inside is None)
              for line, state in zip(lines, states, strict=False) if line.strip()]
    return sum(judged) / len(judged) if judged else 1.0
