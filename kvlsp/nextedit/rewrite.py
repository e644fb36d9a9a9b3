"""Lines of a file that a model writes anew: which ones are shown to it, and what in its answer is the next edit.

The answer repeats most of the lines. The first place at which it differs, up to where it is the old text again, is what
is proposed; the rest comes when that has been taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, unified_diff

from kvlsp.nextedit.change import Change
from kvlsp.prompt.edit_formats import Asked, Edited, EditFormat

REJOINED = 2
"""Lines after a difference that are as they were: the answer says nothing more about that place."""
EDITS = 4
"""So many changes are told, the last ones."""
_LONGEST = 2000
"""Characters of a change that is told."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Lines [first, last) of a text become ``lines``; ``first`` < ``last``, and there is a line at least."""

    first: int
    last: int
    lines: tuple[str, ...]


def region(form: EditFormat, lines: Sequence[str], line: int) -> tuple[int, int]:
    """The lines [first, last) that are written anew where ``line`` is asked about; not what follows the last line end,
    since an answer does not tell whether it ends with one."""
    count = max(1, len(lines) - (not lines[-1]))
    line = min(line, count - 1)
    return max(0, line - form.above), min(count, line + form.below + 1)


def asked(form: EditFormat, path: str, text: str, changes: Sequence[Change], line: int) -> Asked:
    """What to ask about ``line`` of a text, after ``changes`` (the last one last; at least one)."""
    lines = text.split("\n")
    first, last = region(form, lines, line)
    starts = sum(len(one) + 1 for one in lines[:first])
    current = "\n".join(lines[first:last])
    end = starts + len(current)
    change = changes[-1]
    inside = starts <= change.start and change.end <= end
    caret = change.end - starts if inside else sum(len(one) + 1 for one in lines[first:line])
    original = text[starts:change.start] + change.old + text[change.end:end] if inside else current
    above = text[max(0, starts - form.around):starts].partition("\n")[2] if starts > form.around else text[:starts]
    below = text[end + 1:end + 1 + form.around]
    told = [_told(text, one) for one in changes[-EDITS:] if len(one.old) + len(one.new) <= _LONGEST]
    return Asked(path, above if form.around else "", current, below, original, caret, told)


def proposed(form: EditFormat, old: Sequence[str], answer: str, *, ended: bool) -> Rewritten | None:
    """The first place at which the answer differs from the ``old`` lines; None: nothing, or nothing yet.

    Not ``ended``: more may come, so only what has come to the old text again counts, and no unfinished line.
    """
    if form.cursor:
        answer = answer.replace(form.cursor, "")
    if form.end and form.end in answer:
        answer, ended = answer[:answer.index(form.end)], True
    new = answer.removesuffix("\n").split("\n") if ended else answer.split("\n")[:-1]
    if (form.nothing and answer.strip() == form.nothing) or not answer.strip():
        return None
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    if head == len(new) and (not ended or head == len(old)):
        return None
    for begin, again, size in _alike(old[head:], new[head:]):
        whole = again + size == len(new) - head and begin + size == len(old) - head and ended
        if size >= REJOINED or (whole and size):
            return _anchored(old, head, head + begin, new[head:head + again])
    return _anchored(old, head, len(old), new[head:]) if ended else None


def _alike(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int, int]]:
    """Runs of equal lines: where in each, and how many."""
    found = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    return [(one.a, one.b, one.size) for one in found if one.size]


def _anchored(old: Sequence[str], first: int, last: int, new: Sequence[str]) -> Rewritten:
    """With a line that stays, where nothing stood or nothing is left: a place is never empty."""
    lines = list(new)
    if first < last and lines:
        return Rewritten(first, last, tuple(lines))
    if last < len(old):
        return Rewritten(first, last + 1, (*lines, old[last]))
    if first:
        return Rewritten(first - 1, last, (old[first - 1], *lines))
    return Rewritten(first, last, tuple(lines) or ("",))


def _told(text: str, change: Change) -> Edited:
    """A change as it is told: its lines, and as a diff in the text as it is now."""
    above, below = text[:change.start].split("\n")[:-1], text[change.end:].removeprefix("\n").split("\n")
    before, after = above[-3:], below[:3]
    start = len(above) - len(before) + 1
    old, new = ([*before, *side.removesuffix("\n").split("\n"), *after] for side in (change.old, change.new))
    hunk = [line for line in unified_diff(old, new, lineterm="", n=3) if not line.startswith(("---", "+++", "@@"))]
    counts = [sum(line[:1] in kind for line in hunk) for kind in (" -", " +")]
    diff = "\n".join([f"@@ -{start},{counts[0]} +{start},{counts[1]} @@", *hunk, ""])
    return Edited(change.old.removesuffix("\n"), change.new.removesuffix("\n"), diff)
