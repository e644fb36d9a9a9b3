"""What of a generated text may be offered: nothing that the suffix says already, no white space hanging over.

    reason = refuse(prefix, suffix)                          # before generating: is this a place for one?
    text, reason = trim(prefix, generated, suffix, language) # after the stop rule has cut it

Text in, text out.
"""

from __future__ import annotations

from kvlsp.completion.fit import fit
from kvlsp.completion.text_below import same_line
from kvlsp.reasons import Reason
from kvlsp.syntax.block import Place
from kvlsp.syntax.language import Language
from kvlsp.syntax.scanner import indent_of

OVERLAP = 3
"""Characters of words that must agree before an overlap with a part of the suffix counts."""
_PUNCTUATION = frozenset(")]}>,;:\"'`")


def refuse(prefix: str, suffix: str) -> Reason | None:
    """Why no suggestion is wanted at this caret at all: it stands inside a word."""
    if not prefix or not suffix:
        return None
    return Reason.WRONG_PLACE if _word(prefix[-1]) and _word(suffix[0]) else None


def trim(prefix: str, generated: str, suffix: str,
         language: Language | None = None) -> tuple[str, Reason | None]:
    """The text to insert, and why it is empty if it is.

    Cut off: an end that stands right after the caret already, whole lines that stand below, white space
    before a line break, and whatever does not fit what stands behind the caret (:mod:`kvlsp.completion.fit`).
    """
    if not generated.strip():
        return "", Reason.NOTHING_TO_SAY
    line_after, _, rest = suffix.partition("\n")
    line_after = line_after.rstrip("\r")
    text = _cut_lines_below(prefix, generated, line_after, rest)
    text = text[:len(text) - _overlap(text, line_after)]
    if not line_after.strip():
        text = text.rstrip()
    if not text.strip():
        return "", Reason.REPEATS_SUFFIX
    text = fit(Place.at(prefix, suffix, language), text)
    return text, None if text else Reason.WRONG_PLACE


def _overlap(text: str, line_after: str) -> int:
    """Length of the longest meaningful end of ``text`` with which the rest of the line begins."""
    rest = line_after.rstrip()
    for length in range(min(len(text), len(rest)), 0, -1):
        common = rest[:length]
        if not text.endswith(common) or not common.strip():
            continue
        if length == len(rest) or sum(map(_word, common)) >= OVERLAP or common.strip()[0] in _PUNCTUATION:
            # "foo" before "foo(x)" is the word again; "x" before "x_1" is not.
            if length < len(rest) and _word(common[-1]) and _word(rest[length]):
                continue
            if _word(common[0]) and length < len(text) and _word(text[-length - 1]):
                continue
            return length
    return 0


def _cut_lines_below(prefix: str, text: str, line_after: str, rest: str) -> str:
    """Without the last lines if the suffix begins with them (fuzzily); for carets at the end of a line."""
    if line_after.strip() or ("\n" not in text and prefix.rpartition("\n")[2].strip()):
        return text
    below = [line.rstrip() for line in rest[:4000].split("\n") if line.strip()]
    lines = text.split("\n")
    lines[0] = prefix.rpartition("\n")[2] + lines[0]
    filled = [number for number, line in enumerate(lines) if line.strip()]
    for count in range(min(len(filled), len(below)), 0, -1):
        tail = [lines[number].rstrip() for number in filled[-count:]]
        if sum(len(line.strip()) for line in tail) < 4:
            continue
        if all(indent_of(ours) == indent_of(theirs) and same_line(ours.strip(), theirs.strip())
               for ours, theirs in zip(tail, below[:count], strict=True)):
            if filled[-count] == 0:
                return "" if not prefix.rpartition("\n")[2].strip() else text
            kept = "\n".join(text.split("\n")[:filled[-count]])
            return kept.rstrip()
    return text


def _word(character: str) -> bool:
    return character.isalnum() or character == "_"
