"""A suggestion fits what stands right behind the caret, or is cut to where it does, or is not offered.

    fit(place, "x > 1:\n    pass")    # at `if |:`  ->  "x > 1"
    fit(place, "y = 1")               # at `|y = 2` ->  "y = 1\\n": a line of its own before the one that stands there
    fit(place, "y = 1 +")             # at `|y = 2` ->  ""

One rule: the text before the caret, the suggestion and the text behind it parse where they could, and what stood behind
the caret is still what it was (:mod:`kvlsp.completion.joint`). They could where any of a few small texts at the caret
makes them. Where none does, a smaller piece of the code around is asked; where that tells nothing either, nothing is
offered before code. Text in, text out; what it costs does not grow with the document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kvlsp.completion.joint import ends_whole_lines, goes_before_code, joins, merges
from kvlsp.syntax.around import Around, Size, least_open
from kvlsp.syntax.behind import Behind
from kvlsp.syntax.block import Place
from kvlsp.syntax.indents import around, misplaced
from kvlsp.syntax.piece import Piece, TooMuch
from kvlsp.syntax.scanner import CLOSERS, Scan, closers, indent_of, scan_lines

CUTS = 24
"""So many shorter texts are looked at, at most."""
PARSED = 6
"""So many of them at most are parsed."""

_FILLERS = ("x", " x ", ",", "x,", ";", "x;", ":", "x:", "x{}", "{}", "{", "x{", "x){", "= x", "= x;", "(x)", "(){}",
            "x(){}")
"""What might stand at the caret. Not one of them means anything."""
_RESTS = (*CLOSERS, ";")
"""What begins so is the rest of something: no line of its own goes before it."""
_WORD = re.compile(r"\w+$")


def fit(place: Place, text: str) -> str:
    """What of ``text`` fits at ``place``: all of it, all of it and a line break before code, its longest beginning that
    does, or ""."""
    fitting = _Fitting(place)
    if fitting.fits(text):
        return text
    line = _line_of_its_own(place, text)
    if line and fitting.ends(text) and fitting.fits(line):
        return line
    parsed = 0
    for cut in _cuts(place, text):
        if cut.strip() and joins(place, cut, fitting.around):
            if fitting.parses(cut):
                return cut
            parsed += 1
            if parsed == PARSED:
                break
    return ""


class _Fitting:
    """What is known about one place while texts are tried there."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.around = Around(place) if place.language is not None else None
        self._could: dict[int, bool] = {}
        self._kinds: dict[int, str | None] = {}
        self._words: dict[int, str] = {}

    def fits(self, text: str) -> bool:
        return joins(self.place, text, self.around) and self.parses(text)

    def ends(self, text: str) -> bool:
        """Whether a statement ends with it, so that what stands behind begins one as before."""
        try:
            return self.around is not None and self.around.piece(text, Size.BLOCK).whole(text)
        except TooMuch:
            return False

    def parses(self, text: str) -> bool:
        """Whether it parses where the text around it could, asked of smaller and smaller pieces.

        Where a piece only seems to tell, since nobody knows what is around it, all that is in sight is asked, too.
        """
        if self.around is None:
            return True
        for size in Size:
            found, sure = self._asked(self.around, text, size)
            if found is not None:
                seen = None if sure or size is Size.WINDOW else self._asked(self.around, text, Size.WINDOW)[0]
                return found if seen is None else seen
        return self._harmless(self.around, text)

    def _asked(self, around: Around, text: str, size: Size) -> tuple[bool | None, bool]:
        """What a piece says of the text, and whether that is sure."""
        try:
            piece = around.piece(text, size)
            found = self._tells(piece, text)
            return found, found is not None and piece.sure(text)
        except TooMuch:
            return None, False

    def _tells(self, piece: Piece, text: str) -> bool | None:
        """What a piece says of the text, None if it says nothing: it does not parse whatever stands there."""
        if any(map(piece.parses, self._completed(text))):
            return self._keeps(piece, text)
        if self._could_parse(piece):
            return False
        return piece.broken_before(text) if piece.known else None

    def _harmless(self, around: Around, text: str) -> bool:
        """Where no piece tells: whether the text is not to blame for that, or cannot do much harm."""
        place = self.place
        if _goes_on(place, text):
            return True
        try:
            return any(around.piece(text, size).broken_before(text) for size in Size) or not place.line_after.strip()
        except TooMuch:  # what nobody could judge is no reason to break what stands behind
            return not (place.line_after + place.following).strip()

    def _could_parse(self, piece: Piece) -> bool:
        """Whether there is a text with which the piece parses."""
        if id(piece) not in self._could:
            self._could[id(piece)] = any(map(piece.could_parse, (*self._completed(""), *_FILLERS)))
        return self._could[id(piece)]

    def _keeps(self, piece: Piece, text: str) -> bool:
        """Whether what stands behind the caret is still what it was, in a piece that parses."""
        place = self.place
        if place.line_after.strip():
            behind = piece.behind(text)
            outside = place.scan.inside is None and not place.scan.comment
            if behind.reached in ("", "identifier") or (behind.reached == "comment" and outside):
                return False
            if (behind.kind or not outside) and not self._was(piece, behind.kind):
                return False
            if place.line_after.lstrip()[0] == ";" and behind.closes_nothing:
                return False
            if place.blank and not ends_whole_lines(place, text) and behind.begins_statement:
                return False
            if piece.opens_twice(text) or not self._is_word(piece, text, behind):
                return False
        lines = (piece.above + place.line_before, piece.below)
        row = len(place.lines) - 1 - piece.above.count("\n")
        blocks = around(piece.language, place.lines[:row], place.states[:row])
        now, was = (misplaced(piece.language, inserted.join(lines), blocks) for inserted in (text, ""))
        return now <= was

    def _was(self, piece: Piece, kind: str) -> bool:
        """Whether what stands behind the caret is of this kind where something that means nothing stands at it."""
        if id(piece) not in self._kinds:
            filler = next(filter(piece.parses, ("", *_FILLERS)), None)
            self._kinds[id(piece)] = None if filler is None else piece.behind(filler).kind
        return self._kinds[id(piece)] in (None, kind)

    def _is_word(self, piece: Piece, text: str, behind: Behind) -> bool:
        """Whether the first word or sign behind the caret is what it was where nothing misses before it: no ``this``
        became a name behind a dot, no sign of a number that of a sum. No whole line goes before a colon there."""
        if id(piece) not in self._words:
            was = piece.behind("") if piece.parses("") else None
            self._words[id(piece)] = was.word if was is not None and was.begins_word and not was.kind else ""
        word = self._words[id(piece)]
        if word == ":" and ends_whole_lines(self.place, text):
            return False
        return not word or bool(behind.kind) or behind.word == word

    def _completed(self, text: str) -> tuple[str, ...]:
        """The text, and what it would be once all is closed that nothing behind the caret closes."""
        place = self.place
        if place.line_after.strip():
            return (text,)
        open_still = place.open[place.inner : least_open(place, text)]
        more = closers([bracket.bracket for bracket in open_still if not bracket.held])
        inside = scan_lines(place.language, place.line_before + text, place.states[-1]).inside
        found = dict.fromkeys((text, text + more))
        if inside is not None and place.scan.inside is not None and (inside.lines or not text):
            found[text + inside.close + more] = None
        return tuple(found)


def _goes_on(place: Place, text: str) -> bool:
    """Whether it is more of the string or comment that the caret stands in, and does not end it."""
    inside = place.scan.inside
    return inside.close not in text if inside is not None else place.scan.comment and "\n" not in text


def _line_of_its_own(place: Place, text: str) -> str:
    """The text with a line break and indentation behind it, where the caret stands before the code of its line and the
    text is indented as that is; "" elsewhere. Generation ended at that line break because a line was wanted."""
    language, text, behind = place.language, text.rstrip(), place.line_after
    if language is None or not goes_before_code(place) or place.scan.inside is not None or place.scan.comment:
        return ""
    if behind.lstrip()[0] in _RESTS or indent_of(place.line_before + text) != indent_of(place.line_before + behind):
        return ""
    last = scan_lines(language, place.line_before + text, place.states[-1]).last
    if language.layout == "indentation" and last in language.openers:
        return ""  # what stands there is no body of it
    return f"{text}\n{place.line_before}"


def _cuts(place: Place, text: str) -> Iterator[str]:
    """Beginnings of ``text`` that may fit better: what the suffix holds already is left to it."""
    if place.held is not None:
        end = _end_of_string(place, text)
        if end is not None:  # the string at the caret has its end: what would end it is not ours to say
            yield text[:end]
    after = place.line_after.lstrip()
    ends = {match.start() for match in re.finditer(r"[ \t]*\n", text)}
    if goes_before_code(place) and after[0] not in _RESTS:  # nothing but whole lines goes before whole lines
        ends |= {match.end() for match in re.finditer(r"\n" + re.escape(place.line_before), text)}
    elif after:
        ends |= {at for at in range(len(text)) if text[at] == after[0]}
        word = _WORD.search(text)
        if word and merges(place, text):
            ends.add(word.start())
    for end in sorted(ends - {len(text)}, reverse=True)[-CUTS:]:
        yield text[:end] if after else text[:end].rstrip()


def _end_of_string(place: Place, text: str) -> int | None:
    """Where ``text`` ends the string that the caret stands in."""
    inside = place.held
    assert inside is not None
    at = text.find(inside.close)
    while at >= 0:
        if scan_lines(place.language, text[: at + len(inside.close)], Scan(inside=inside)).inside is None:
            return at
        at = text.find(inside.close, at + 1)
    return None
