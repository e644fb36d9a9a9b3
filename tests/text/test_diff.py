"""Wide replacements become few small edits that do the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kvlsp.text.diff import MOST, narrow
from kvlsp.text.edit import Edit
from tests.support.nasty import nasty_text


def replayed(text: str, edits: tuple[Edit, ...]) -> str:
    for edit in edits:
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def cost(edits: tuple[Edit, ...]) -> int:
    return sum(edit.end - edit.start + len(edit.text) for edit in edits)


def test_a_reformatted_file_costs_what_changed() -> None:
    old = "".join(f"line_{k} = {k % 7}\n" if k % 5 else "\n" for k in range(2000))
    new = old.replace("line_7 =", "line_seven =").replace("line_1504 = 6\n", "")
    new = new.replace("line_9 =", "x\nline_9=")
    edits = narrow(Edit(3, 3 + len(old), new), old)
    assert replayed("abc" + old + "def", edits) == "abc" + new + "def"
    assert len(edits) == 3
    assert cost(edits) < 40


def test_blocks_without_unique_lines_are_still_compared() -> None:
    old = "    pass\n" * 30 + "\n" + "    pass\n" * 30
    new = old.replace("\n\n", "\n    x = 1\n\n")
    edits = narrow(Edit(0, len(old), new), old)
    assert replayed(old, edits) == new
    assert cost(edits) <= 12


def test_nothing_changed_and_small_changes() -> None:
    assert narrow(Edit(2, 5, "abc"), "abc") == ()
    assert narrow(Edit(2, 5, "abXc"), "abc") == (Edit(4, 4, "X"),)


def test_very_many_changes_become_a_bounded_number_of_edits() -> None:
    lines = [f"line {k}\n" for k in range(2_000)]
    new = "".join("x" + line if k % 3 == 0 or 500 < k < 900 else line for k, line in enumerate(lines))
    edits = narrow(Edit(0, len("".join(lines)), new), "".join(lines))
    assert replayed("".join(lines), edits) == new
    assert 90 <= len(edits) <= MOST


def test_a_file_of_equal_lines_takes_no_square() -> None:
    old, new = "x\n" * 20_000, "y\n" + "x\n" * 9_000 + "z\n" + "x\n" * 10_000 + "w\n"
    assert replayed(old, narrow(Edit(0, len(old), new), old)) == new


@given(st.lists(nasty_text(4), max_size=30), st.data())
def test_narrowed_edits_do_the_same(lines: list[str], data) -> None:
    old = "\n".join(lines)
    changed = [data.draw(nasty_text(3)) if data.draw(st.integers(0, 5)) == 0 else line for line in lines]
    data.draw(st.permutations(changed[:4]))
    new = "\n".join(changed[data.draw(st.integers(0, 3)) :])
    before, after = data.draw(nasty_text(3)), data.draw(nasty_text(3))
    edits = narrow(Edit(len(before), len(before) + len(old), new), old)
    assert replayed(before + old + after, edits) == before + new + after
    assert cost(edits) <= len(old) + len(new)
    starts = [edit.start for edit in edits]
    assert starts == sorted(starts)
