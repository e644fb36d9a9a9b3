"""The tree under a rope: in order and balanced after any edits, and made anew along one path only."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvlsp.text import tree
from kvlsp.text.tree import Branch, Leaf, Tree, built, replaced
from tests.support.nasty import nasty_text, placed, replacements


def leaves(node: Tree) -> Iterator[Leaf]:
    if isinstance(node, Leaf):
        yield node
    else:
        yield from leaves(node.left)
        yield from leaves(node.right)


def check(node: Tree, alone: bool = True) -> None:
    """Leaves are neither short nor long, and no branch has a side that is deeper by more than one."""
    if isinstance(node, Leaf):
        assert node.chars <= tree.LEAF_MAX
        assert alone or node.chars >= tree.LEAF_MIN
        return
    assert abs(node.left.height - node.right.height) <= 1
    check(node.left, alone=False)
    check(node.right, alone=False)


@pytest.mark.usefixtures("small_leaves")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(nasty_text(40), st.lists(replacements(12), max_size=12))
def test_any_history_of_edits_leaves_a_balanced_tree_of_the_text(text: str, history) -> None:
    node = built(text)
    for replacement in history:
        start, end, new = placed(replacement, len(text))
        node = replaced(node, start, end, new)
        text = text[:start] + new + text[end:]
        assert "".join(leaf.text for leaf in leaves(node)) == text
        check(node)


def test_a_large_text_is_edited_by_little_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes made and characters copied for one edit: a path and a leaf, whatever the length of the text."""
    made: list[int] = []
    leaf, branch = Leaf.__init__, Branch.__init__

    def counted_leaf(self, text: str) -> None:
        made.append(len(text))
        leaf(self, text)

    def counted_branch(self, left, right) -> None:
        made.append(0)
        branch(self, left, right)

    for text in ("x" * 1_000_000, ("y" * 99 + "\n") * 10_000):
        node = built(text)
        with monkeypatch.context() as patch:
            patch.setattr(Leaf, "__init__", counted_leaf)
            patch.setattr(Branch, "__init__", counted_branch)
            for start, end, new in [(500_000, 500_000, "z"), (0, 1, ""), (100, 900_000, "\n")]:
                made.clear()
                node = replaced(node, start, end, new)
                assert len(made) <= 70, made
                assert sum(made) <= 6 * tree.LEAF_MAX, made
        check(node)


def test_tiny_edits_everywhere_leave_no_crumbs() -> None:
    """Deleting nearly all of every leaf keeps leaves full, so the tree stays small."""
    node = built("a" * 200_000)
    for start in range(0, 1_000):
        node = replaced(node, start, start + 190, "")
    assert node.chars == 10_000
    assert sum(1 for _ in leaves(node)) <= 10_000 // tree.LEAF_MIN
    check(node)
