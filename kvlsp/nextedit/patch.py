"""A unified diff of one file, as ``diff -u`` and git write it: which lines became which."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kvlsp.errors import DocumentError
from kvlsp.text.edit import Edit

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines ``old`` from line ``old_start`` on (counted from 0) became ``new``, from ``new_start`` on; each with its
    line end."""

    old_start: int
    new_start: int
    old: tuple[str, ...]
    new: tuple[str, ...]


def read_patch(diff: str) -> list[Hunk]:
    """The hunks of a diff; :class:`DocumentError` where it has none."""
    found: list[Hunk] = []
    lines = diff.split("\n")
    at = 0
    while at < len(lines):
        header = _HUNK.match(lines[at])
        at += 1
        if header is None:
            continue
        counts = [int(header[2]) if header[2] else 1, int(header[4]) if header[4] else 1]
        old: list[str] = []
        new: list[str] = []
        while at < len(lines) and (len(old) < counts[0] or len(new) < counts[1]):
            sign, text = lines[at][:1], lines[at][1:].removesuffix("\r") + "\n"
            if sign in ("-", " ", ""):
                old.append(text)
            if sign in ("+", " ", ""):
                new.append(text)
            at += 1
        # of no lines, the line before is named
        found.append(Hunk(int(header[1]) - (counts[0] > 0), int(header[3]) - (counts[1] > 0), tuple(old), tuple(new)))
    if not found:
        raise DocumentError("There is no hunk in this diff (a line that begins with @@). Make one with git diff, or "
                            "diff -u OLD NEW.")
    return found


def sides(text: str, hunks: Sequence[Hunk]) -> tuple[str, list[Edit]]:
    """The text before the hunks, and the edits that lead from it to the text after, each on the text that the one
    before left; ``text`` may be either. :class:`DocumentError` where it is neither."""
    lines = text.splitlines(keepends=True)
    was = all(_same(lines, hunk.old_start, hunk.old) for hunk in hunks)
    more = sum(len(hunk.new) - len(hunk.old) for hunk in hunks) > 0  # where both fit, the side that says more
    if all(_same(lines, hunk.new_start, hunk.new) for hunk in hunks) and (more or not was):
        for hunk in reversed(hunks):
            lines[hunk.new_start : hunk.new_start + len(hunk.new)] = hunk.old
    elif not was:
        raise DocumentError("This diff fits neither the file as it is nor as it was. Make it anew from this file.")
    before, edits, shift = "".join(lines), [], 0
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    for hunk in hunks:
        start, end = starts[hunk.old_start], starts[hunk.old_start + len(hunk.old)]
        edit = Edit(start + shift, end + shift, "".join(hunk.new)).minimised(before[start:end])
        edits.append(edit)
        shift += edit.delta
    return before, edits


def _same(lines: Sequence[str], start: int, wanted: Sequence[str]) -> bool:
    found = lines[start : start + len(wanted)]
    return [line.rstrip("\r\n") for line in found] == [line.rstrip("\r\n") for line in wanted]
