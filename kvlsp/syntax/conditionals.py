"""Parts of a file that stand between ``#if`` and ``#endif``: whether they are whole with a text between them.

    conditionals = Conditionals(place)
    conditionals.broken_by("#endif\\n")    # True where the only one that is open is closed behind the caret

The parser takes an ``#endif`` or ``#else`` that belongs to nothing for a directive of somebody's own, so they are
counted line by line. What begins above the lines that are looked at, or ends below them, is taken to be whole: so it is
in most files, and one that is closed twice is worse than one that the user closes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache, cached_property

from kvlsp.syntax.block import Place
from kvlsp.syntax.language import Language
from kvlsp.syntax.scanner import Scan, end_line, scan_line
from kvlsp.syntax.window import WINDOW


class Conditionals:
    """Those around ``place``, whose language is known."""

    def __init__(self, place: Place) -> None:
        assert place.language is not None
        self._place, self._language = place, place.language

    def broken_by(self, text: str) -> bool:
        """Whether with ``text`` at the caret more of them lack a beginning or an end, or have two ``#else``."""
        place, words = self._place, _words(self._language)
        lines = f"{place.line_before}{text}{place.line_after}"
        if words is None or not (self._own or words.search(lines)):
            return False
        now = list(self._roles(lines.split("\n"), place.states[-1]))
        own = self._own
        if place.line_before.strip() and not own and now[:1] == ["open"]:
            own = ["open"]  # the user has begun it
        return now != own and self._faults(now) > self._faults(own)

    @cached_property
    def _own(self) -> list[str]:
        """What the caret's own line is."""
        return list(self._roles((self._place.line_before + self._place.line_after,), self._place.states[-1]))

    @cached_property
    def _above(self) -> list[str]:
        place, words = self._place, _words(self._language)
        return [self._language.conditionals[match.group(1)]
                for line, state in zip(place.lines[:-1], place.states, strict=False)
                if state.inside is None and words is not None and (match := words.match(line))]

    @cached_property
    def _below(self) -> list[str]:
        place, words = self._place, _words(self._language)
        if words is None or words.search(place.following) is None:
            return []
        state = end_line(scan_line(self._language, place.line_before + place.line_after, place.states[-1]))
        return list(self._roles(place.following.split("\n"), state))

    @cached_property
    def _out_of_sight(self) -> tuple[int, int]:
        """How many begin above the lines that are looked at, and how many end below them."""
        place = self._place
        unbegun, _, unended = _count((*self._above, *self._own, *self._below))
        cut = len(place.line_after) + len(place.following) >= WINDOW - 2  # but for a line break of two characters
        return 0 if place.from_start else unbegun, unended if cut else 0

    def _roles(self, lines: Iterable[str], state: Scan) -> Iterator[str]:
        words = _words(self._language)
        for line in lines:
            match = words.match(line) if words is not None and state.inside is None else None
            if match is not None:
                yield self._language.conditionals[match.group(1)]
            state = end_line(scan_line(self._language, line, state))

    def _faults(self, own: list[str]) -> int:
        begun, ended = self._out_of_sight
        return sum(_count((*["open"] * begun, *self._above, *own, *self._below, *["close"] * ended)))


def _count(roles: Iterable[str]) -> tuple[int, int, int]:
    """How many are closed that are not open, have a part in no place for one, and are never closed."""
    opened: list[bool] = []
    unbegun = misplaced = 0
    for role in roles:
        if role == "open":
            opened.append(False)
        elif role == "close":
            if opened:
                opened.pop()
            else:
                unbegun += 1
        elif not opened or opened[-1]:
            misplaced += 1
        else:
            opened[-1] = role == "last"
    return unbegun, misplaced, len(opened)


@cache
def _words(language: Language) -> re.Pattern[str] | None:
    """The beginning of a line that is one of them; None where a language has none."""
    if not language.conditionals:
        return None
    marks = "|".join(map(re.escape, language.directives))
    words = "|".join(map(re.escape, language.conditionals))
    return re.compile(rf"^[ \t]*(?:{marks})[ \t]*({words})\b", re.MULTILINE)
