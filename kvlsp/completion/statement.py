"""Statements as lines show them: whether one ends with a line, is a header, or is carried on by the next line.

Brackets that the caret's statement opened before the caret are :mod:`kvlsp.completion.closing`'s. ``scan`` is the state
at the end of a line, from the caret on.
"""

from __future__ import annotations

import re

from kvlsp.syntax.block import Place
from kvlsp.syntax.language import Language
from kvlsp.syntax.scanner import Scan


def ends(place: Place, text: str, scan: Scan) -> bool:
    """Whether a statement ends with ``text`` at the caret: brackets and strings closed, and the block parses."""
    language = place.language
    if scan.stack or (scan.inside is not None and scan.inside.lines) or scan.last == "\\":
        return False
    if language is None:
        return True
    if scan.last == ":" and language.layout == "braces":  # a label belongs to what follows
        return False
    if language.ends and scan.last not in language.ends:
        line = (place.line_before + text).rpartition("\n")[2]
        if not line.lstrip().startswith(language.directives or ("\0",)):
            return False
    return place.parses(text)


def is_header(language: Language | None, scan: Scan) -> bool:
    """Whether, where indentation makes blocks, a line that ends so opens one: its body must follow."""
    return (language is not None and language.layout == "indentation" and scan.last in language.openers
            and not scan.stack and scan.inside is None)


def carries_on(language: Language, line: str, whole: bool) -> bool | None:
    """Whether a statement that looked whole goes on with this line; None: what there is of it (not ``whole``) does not
    tell yet."""
    text = line.strip()
    if not whole and any(known.startswith(text) for known in (*language.continues, *language.carries)):
        return None
    word = re.match(r"\w*", text.lstrip("} "))
    return text.startswith(language.carries or ("\0",)) or bool(word and word.group() in language.continues)
