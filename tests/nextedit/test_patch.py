"""Unified diffs, read: which edits lead from the text before to the text after."""

from __future__ import annotations

from difflib import unified_diff

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.errors import DocumentError
from kvlsp.nextedit.patch import read_patch, sides

lines = st.lists(st.sampled_from(["a\n", "b\n", "c = 1\n", "\n"]), max_size=12)


@given(lines, lines, st.integers(0, 3), st.booleans())
def test_a_diff_leads_from_the_text_before_to_the_text_after(old, new, context, given_after):
    diff = "".join(unified_diff(old, new, "a", "b", n=context))
    if not diff:
        return
    before, edits = sides("".join(new if given_after else old), read_patch(diff))
    text = before
    for edit in edits:
        text = text[: edit.start] + edit.text + text[edit.end :]
    if before == "".join(old):  # where both sides fit the text, it may be the other one
        assert text == "".join(new)
    else:
        assert given_after or text != before


def test_a_diff_of_another_file_is_refused():
    with pytest.raises(DocumentError, match="fits neither"):
        sides("x\n", read_patch("@@ -1 +1 @@\n-a\n+b\n"))


def test_a_text_without_hunks_is_no_diff():
    with pytest.raises(DocumentError, match="no hunk"):
        read_patch("hello\n")
