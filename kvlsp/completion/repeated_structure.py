"""Forms that repeat: lines, units of lines, and lists and chains within a line, whatever names stand in them.

Two watches of :class:`kvlsp.completion.penalty.GrammarPenalty`. A form is the leaf kinds of a line
(:mod:`kvlsp.syntax.leaves`); prose has none. Text in, what may begin now out.
"""

from __future__ import annotations

from dataclasses import dataclass

from kvlsp.completion.periods import GIVEN, Due, Periods, Tally, Unit, compounded
from kvlsp.syntax.block import Place
from kvlsp.syntax.language import Language
from kvlsp.syntax.leaves import ABSTRACT, first_leaf, leaves
from kvlsp.syntax.scanner import Scan, indent_of

LINES_ABOVE = 40
"""Lines of the document that are looked at: a unit of more lines than that is not seen to repeat."""
LONGEST_UNIT = 24
"""Lines of the longest unit."""
LONGEST_LIST = 12
"""Leaves of the longest unit within a line."""
FREE_IN_LINE = 3
"""Copies of a form within a line that cost nothing: short lists are ordinary."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A finished line: its form, and how a copy of it would start."""

    form: tuple[str, ...]
    text: str
    indent: int
    first: str


@dataclass(frozen=True, slots=True)
class _LineDue:
    """A copy of ``line`` may begin behind ``row``, white space so far."""

    exponent: int
    line: _Line
    row: str
    language: Language | None

    def begins(self, piece: str) -> bool:
        word = piece.strip()
        if "\n" in piece or indent_of(self.row + piece) != self.line.indent:
            return False
        return (not word or self.line.text.startswith(word)
                or first_leaf(self.language, word) == self.line.first)


@dataclass(frozen=True, slots=True)
class _BreakDue:
    """A line break that makes ``row`` the last line (of this ``form``) of a unit, and leads to its first again."""

    exponent: int
    form: tuple[str, ...]
    indent: int
    row: str
    language: Language | None

    def begins(self, piece: str) -> bool:
        head, newline, _ = piece.partition("\n")
        if not newline or leaves(self.language, self.row + head) != self.form:
            return False
        return piece.endswith("\n") or indent_of(piece.rpartition("\n")[2]) == self.indent


class LineForms:
    """Lines whose forms repeat, as units of one line or several."""

    def __init__(self, place: Place) -> None:
        self._language = place.language
        self._lines: list[_Line] = []
        self._forms, self._tally = Periods(LONGEST_UNIT), Tally()
        self._begun: dict[int, int] = {}
        """Period -> copies in all of the units that may begin anew at the start of the line."""
        self._given = LINES_ABOVE  # nothing is own yet
        for text, state in list(zip(place.lines[:-1], place.states[:-1], strict=True))[-LINES_ABOVE:]:
            self.finish(text, state)
        self._given = len(self._forms)

    def due(self, row: str) -> list[Due]:
        """What may begin behind ``row``, the line being written."""
        if not row.strip():
            return [_LineDue(compounded(copies), self._lines[-period], row, self._language)
                    for period, copies in self._begun.items()]
        own = len(self._forms) - self._given
        first = first_leaf(self._language, row)
        found: list[Due] = []
        for unit in self._forms.due(own, ahead=1):
            last = self._lines[-unit.period]
            if last.first == first:
                indent = self._lines[1 - unit.period].indent if unit.period > 1 else indent_of(row)
                copies = 1 + self._tally.count((*self._forms.last(unit.period)[1:], last.form))
                found.append(_BreakDue(compounded(copies), last.form, indent, row, self._language))
        return found

    def finish(self, text: str, state: Scan) -> None:
        """A line is whole; ``state`` is the scanner's at its start."""
        if not text.strip():
            return
        form = leaves(self._language, text) if state.inside is None else ("comment",)
        if set(form) <= {"comment"}:
            form = ("text", text.strip())  # prose has no form but itself
        self._lines.append(self._line(text, form))
        self._forms.push(form)
        own = len(self._forms) - self._given
        self._begun = {unit.period: self._tally.add(self._forms.last(unit.period)) for unit in self._forms.due(own)}

    def _line(self, text: str, form: tuple[str, ...]) -> _Line:
        return _Line(form, text.strip(), indent_of(text), first_leaf(self._language, text))


@dataclass(frozen=True, slots=True)
class _LeafDue:
    """A separator or operator, or where there is none any leaf, that would carry a list or chain on."""

    exponent: int
    leaf: str
    language: Language | None

    def begins(self, piece: str) -> bool:
        named = self.leaf if self.leaf in ABSTRACT or self.leaf[:1].isalpha() else self.leaf[:1]
        return first_leaf(self.language, piece) == named


class RowForms:
    """Lists and chains within one line, by the form of their elements; looked for in longer lines only."""

    def __init__(self, place: Place) -> None:
        self._language = place.language
        self._given = len(leaves(self._language, place.line_before))
        self._periods, self._known = Periods(LONGEST_LIST), tuple[str, ...]()

    def finish(self) -> None:
        """The line is whole."""
        self._given, self._known, self._periods = 0, (), Periods(LONGEST_LIST)

    def due(self, row: str) -> list[Due]:
        """What may carry ``row``, the line being written, on."""
        if len(row) < 24 or row.isspace():
            return []
        form = leaves(self._language, row)
        self._follow(form[:-1])  # the last leaf may still be growing
        own = len(form) - self._given
        best = Unit(0, 0)
        for period in range(1, min(LONGEST_LIST, len(form) - 1) + 1):
            if form[-1] != form[-1 - period] or form[-period] != _critical(form[-period:]):
                continue
            run = self._periods.run(period) + 1
            given = min(max(run - own, 0) // period, GIVEN)
            best = max(best, Unit(min(run, own - period) // period - FREE_IN_LINE - given, period))
        if best.copies <= 0:
            return []
        return [_LeafDue(compounded(best.copies), form[-best.period], self._language)]

    def _follow(self, stable: tuple[str, ...]) -> None:
        if stable[:len(self._known)] != self._known:
            self._periods, self._known = Periods(LONGEST_LIST), ()
        for leaf in stable[len(self._known):]:
            self._periods.push(leaf)
        self._known = stable


def _critical(unit: tuple[str, ...]) -> str:
    """The leaf of a repeated element that is held back: a separator or operator before a bracket or a name."""
    solid = [leaf for leaf in unit if leaf not in ABSTRACT]
    separators = [leaf for leaf in solid if leaf not in "()[]{}"]
    return min(separators or solid or unit)
