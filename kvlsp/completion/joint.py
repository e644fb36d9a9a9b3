"""Where a suggestion meets the text behind the caret: what words, lines and brackets tell, without a parser.

    joins(place, "y = 1", around)     # at `|y = 2`: False, two statements would stand on one line

What stood behind the caret must still be what it was: its first word, the start of its line, no part of a comment.
"""

from __future__ import annotations

import re

from kvlsp.syntax.around import Around, Size, least_open
from kvlsp.syntax.block import Place
from kvlsp.syntax.indents import without_body
from kvlsp.syntax.piece import TooMuch
from kvlsp.syntax.scanner import CLOSERS, Scan, end_line, indent_of, scan_line, scan_lines

_NAME = re.compile(r"[\w$]+(?:(?:\.|::|->)[\w$]+)*$")
_ENDS = (";", ",", "{", "}", ":")
"""Behind one of these the rest of a line would be another statement, or another element."""
_SEPARATORS = frozenset(",;:")
"""Two of one kind with nothing between them separate nothing."""
_CARRIES = frozenset(",;:.?=|{")
"""No statement or element starts with one of these: what does is the rest of one."""


def joins(place: Place, text: str, around: Around | None) -> bool:
    """Whether ``text`` may end right before what stands behind the caret; ``around`` is None without a language."""
    if not text or merges(place, text) or _begins_directive(place, text):
        return False
    joint = scan_lines(place.language, place.line_before + text, place.states[-1])
    if place.line_after.strip():
        commented = joint.comment and joint.inside is None and (not place.scan.comment or "\n" in text)
        uncommented = place.scan.comment and place.scan.inside is None and not joint.comment
        if commented or uncommented or _ends_a_statement(place, text, joint):
            return False
        if _doubles(place, text, joint) or _breaks_string(place, text) or _breaks_literal(place, text):
            return False
        if not _breaks_fit(place, text, joint) or not _starts_anew(place, text, around):
            return False
    if around is None:
        return True
    if around.conditionals.broken_by(text):
        return False
    if without_body(around.language, place.line_before + text + place.line_after, place.states[-1]):
        return False
    if place.held is not None and place.held.lines and joint.inside is not place.held:
        return False
    if joint.inside is not None and joint.inside.lines and place.scan.inside is None and not (
            place.ends(joint.inside) and (place.opens_inside or joint.inside.comment)):
        return False
    if place.balanced:
        return _characters(joint) == _characters(place.scan)
    least = least_open(place, text)
    if place.held_behind(text) < sum(bracket.held for bracket in place.open):
        return False
    # A block that goes on below is not closed, though its end may be out of sight.
    goes_on = indent_of(_goes_on_below(place))
    if len(joint.stack) <= least and any(goes_on > bracket.bracket.indent for bracket in place.open[least:place.inner]):
        return False
    return not place.leaves_open(text, place.open[:least])


def _goes_on_below(place: Place) -> str:
    """The first line of code behind the caret that begins there: its own where nothing stands before."""
    if place.line_after.strip():
        return place.line_before + place.line_after if place.blank else ""
    return place.below


def merges(place: Place, text: str) -> bool:
    """Whether the last word of ``text`` and the first behind the caret would be one."""
    return _word(text[-1:]) and _word(place.line_after[:1])


def goes_before_code(place: Place) -> bool:
    """Whether the caret stands in the indentation of a line."""
    return place.blank and bool(place.line_after.strip())


def ends_whole_lines(place: Place, text: str) -> bool:
    """Whether it ends where a line begins, with the indentation of the code behind (or, before a closing bracket, with
    any)."""
    indent = text.rpartition("\n")[2]
    if not place.blank or "\n" not in text or indent.strip():
        return False
    return indent == place.line_before or place.line_after.lstrip()[:1] in CLOSERS


def _ends_a_statement(place: Place, text: str, joint: Scan) -> bool:
    """Whether what stands behind the caret would be another statement on the line of one that ends there."""
    language, behind = place.language, place.line_after.lstrip()
    if language is None or language.layout == "indentation" or joint.inside is not None:
        return False
    in_parentheses = bool(joint.stack) and joint.stack[-1].character != "{"
    if place.blank and behind[0] == "{" and text.rstrip().endswith("}"):  # elsewhere a type or a value may end so
        return True
    return text.rstrip(" \t").endswith(";") and not in_parentheses and (behind[0].isalnum() or behind[0] in "_\"';{")


def _doubles(place: Place, text: str, joint: Scan) -> bool:
    """Whether a separator would stand twice, or the quote that ends a string right before the one behind the caret:
    an empty string glued to another."""
    end, behind = text.rstrip(), place.line_after.lstrip()
    if joint.inside is None:
        return not joint.comment and end[-1:] == behind[0] and behind[0] in _SEPARATORS
    inside = place.held
    if inside is None or joint.inside is not inside or inside.comment or not text.endswith(inside.close + inside.open):
        return False
    return scan_lines(place.language, place.line_before + text[:-len(inside.open)], place.states[-1]).inside is None


def _breaks_string(place: Place, text: str) -> bool:
    """Whether a line break would stand in a string of one line, or in what is filled in there, that ends behind the
    caret."""
    inside, first = place.held, text.partition("\n")[0]
    if inside is None or inside.lines or "\n" not in text:
        return False
    return scan_line(place.language, place.line_before + first, place.states[-1]).inside is inside


def _breaks_literal(place: Place, text: str) -> bool:
    """Whether what stands between the quotes of a literal that is no string, a char in Rust, would be none there."""
    language, quote = place.language, place.line_after.lstrip(" ")[0]
    if language is None or quote not in "\"'`" or any(kind.open == quote for kind in language.strings):
        return False
    before = place.line_before[place.line_before.rfind(quote):]
    if not before.startswith(quote) or (len(before) > 1 and before[1] != "\\"):
        return False
    literals = [re.compile(literal) for literal in language.literals]
    if place.scan.comment or place.scan.inside is not None or any(
            match.end() == len(place.line_before) for one in literals for match in one.finditer(place.line_before)):
        return False
    return not any(one.fullmatch(before + text + quote) for one in literals)


def _breaks_fit(place: Place, text: str, joint: Scan) -> bool:
    """Whether each line break in it stands inside something that is closed before the end of the caret's line, or the
    text consists of whole lines."""
    if "\n" not in text or ends_whole_lines(place, text):
        return True
    states = [scan_line(place.language, place.line_before + text.partition("\n")[0], place.states[-1])]
    for line in text.split("\n")[1:-1]:
        states.append(scan_line(place.language, line, end_line(states[-1])))
    rest = scan_line(place.language, place.line_after, Scan(inside=joint.inside))
    least = len(joint.stack) - len(rest.excess)
    for state in reversed(states):
        if not (state.inside is not None and state.inside.lines) and len(state.stack) <= least:
            return False
        least = min(least, len(state.stack))
    return True


def _starts_anew(place: Place, text: str, around: Around | None) -> bool:
    """Whether code at the start of its line still starts there: nothing whole may stand before it on the line."""
    if not place.blank or ends_whole_lines(place, text):
        return True
    if around is None or place.scan.inside is not None or place.scan.comment:
        return text[-1].isspace()
    stripped, behind = text.strip(), place.line_after.lstrip()
    if behind[0] in _CARRIES:
        return True
    if stripped.endswith(_ENDS):
        return False
    if _NAME.match(stripped):  # a keyword before the rest, or what is called or indexed there
        return True
    try:
        return not around.piece(text, Size.BLOCK).whole(text)
    except TooMuch:
        return False


def _begins_directive(place: Place, text: str) -> bool:
    """Whether a line of its own kind (``#include``) would begin behind other text."""
    language = place.language
    if language is None or place.blank or place.scan.inside is not None or place.scan.comment:
        return False
    return any(re.match(re.escape(start) + r"\s*[a-z]+\s", text) for start in language.directives)


def _characters(scan: Scan) -> list[str]:
    return [bracket.character for bracket in scan.stack]


def _word(character: str) -> bool:
    return character.isalnum() or character == "_"
