"""Many changes of one notification as one: "replace all", a formatter, many cursors.

Each change costs whoever follows the text about as much as a key; thousands of them cost more than to compare the text
between the first and the last of them once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kvlsp.text.diff import MOST
from kvlsp.text.document import Change
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope

FEW: Final = MOST
"""Changes that stay as they are: as many as the engine narrows a wide one to."""


def composed(before: Rope, changes: Sequence[Change], few: int = FEW) -> tuple[Change, ...]:
    """The same with one edit from the first place that changed to the last, where there are more than ``few``."""
    if len(changes) <= few:
        return tuple(changes)
    after = changes[-1].after
    head = tail = size = len(before)  # head and tail: characters at both ends that no change touched
    for change in changes:
        edit = change.edit
        head, tail = min(head, edit.start), min(tail, size - edit.end)
        size += edit.delta
    whole = Edit(head, len(before) - tail, after.slice(head, len(after) - tail))
    edit = whole.minimised(before.slice(whole.start, whole.end))
    return () if edit.changes_nothing else (Change(edit, after),)
