"""What is offered where generation ended before anything of it was whole: what was begun, closed.

    next(closed(rule))     # at `if (|` with "x) {\\n  y();\\n  z(" generated: "x) {\\n  y();\\n}"

A block, a call or a list that has no end by now gets the one that its own lines ask for: behind a finished line, each
bracket that ends a line is closed at that line's indentation. Whether that fits is for :mod:`kvlsp.completion.fit` to
say. Text in, texts out.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from kvlsp.completion.stop import StopReason, StopRule
from kvlsp.completion.trim import trim
from kvlsp.reasons import Reason
from kvlsp.syntax.around import least_open
from kvlsp.syntax.block import Place
from kvlsp.syntax.piece import PATIENCE_IN_ALL, Patience
from kvlsp.syntax.scanner import CLOSER_OF, scan_lines

TRIED = 4
"""So many beginnings are looked at, at most: the longest ones, and the first line."""


def offer(rule: StopRule, generated: str, around: tuple[str, str], *, ended: bool,
          patience: Patience | None = None) -> tuple[str, Reason | None]:
    """What of the ``generated`` text may be inserted between the texts ``around`` the caret, or why there is none.

    Once generation has ``ended``, and nothing of that fits, what was begun and is closed here. ``patience`` with all of
    that: how long one fit takes is bounded already, and there may be several.
    """
    prefix, suffix = around
    language = rule.place.language
    text, reason = trim(prefix, generated, suffix, language)
    if text or not ended:
        return text, reason
    patience = Patience(PATIENCE_IN_ALL) if patience is None else patience  # each try looks at the code around anew
    patience.begin()
    for begun in closed(rule):
        if not patience():
            break
        text, _ = trim(prefix, begun, suffix, language)
        if _first_line(text) == _first_line(begun) and any(map(str.isalnum, text)):
            return text, None
    looped = rule.stop is not None and rule.stop.reason is StopReason.LOOP
    return "", Reason.LOOPING if looped else reason


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def closed(rule: StopRule) -> Iterator[str]:
    """Beginnings of what ``rule`` has seen, with the ends that they miss, the longest first."""
    if rule.one_line or rule.place.language is None:
        return
    ends = _line_ends(rule)
    tried = [*islice(reversed(ends[1:]), TRIED - 1), *ends[:1]]
    for end in tried:
        text = _closed(rule.place, rule.generated[:end])
        if text is not None:
            yield text


def _line_ends(rule: StopRule) -> list[int]:
    """Where the lines end that may be offered: not those that say again what was said, or what stands below."""
    stop, ends, said, last = rule.stop, list[int](), set[str](), ""
    looped = stop is not None and stop.reason is StopReason.LOOP
    for text, end in rule.finished:
        if len(text) > 2 and (text == last or (looped and text in said)):
            break
        said.add(text)
        last = text
        ends.append(end)
    if stop is not None and stop.reason is StopReason.SUFFIX:
        return [end for end in ends if end <= stop.keep]
    if stop is not None and stop.reason is StopReason.UNCLOSED:  # the model took its last line to be finished
        ends.append(len(rule.generated.rstrip()))
    return sorted(set(ends))


def _closed(place: Place, text: str) -> str | None:
    """The text with an end for all that it opens and nobody closes; None where it would be no end of its kind."""
    scan = scan_lines(place.language, place.line_before + text, place.states[-1])
    least = least_open(place, text)
    outer, lines, row = place.open[:least], (place.line_before + text).split("\n"), -1
    if scan.inside is not None and place.leaves_open(text, outer):
        return None
    for number in reversed(range(place.inner, len(scan.stack))):
        bracket = scan.stack[number]
        if bracket.line != row:
            if number < least or not place.leaves_open(text, outer):
                break  # what was open before the caret stays so, but for what stands in the line that a block ends
            line = lines[bracket.line - place.states[-1].line]
            if not line.rstrip().endswith(bracket.character):
                return None
            text += "\n" + line[: len(line) - len(line.lstrip())]
        elif number < least and place.open[number].held:
            break
        text, row = text + CLOSER_OF[bracket.character], bracket.line
    return text
