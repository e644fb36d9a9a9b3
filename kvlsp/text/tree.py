"""The balanced tree that a rope is made of: immutable leaves of text, and branches that sum up what is below them.

Every subtree knows its characters, line breaks, UTF-16 and UTF-8 lengths. Lines end at ``\\r\\n``, ``\\n`` and
``\\r`` only. A ``\\r\\n`` may lie across two leaves: a break is counted where its last character lies, so a
subtree that ends in ``\\r`` counts it, and its parent takes that count back when the next subtree begins with ``\\n``.

The balance is that of AVL trees with ``join`` as the only operation (Blelloch, Ferizovic and Sun, "Just Join for
Parallel Ordered Sets", 2016).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TypeAlias

from kvlsp.text.units import PositionEncoding, measure

LEAF_MIN, LEAF_MAX = 512, 2048
"""Characters of a leaf; only a tree of a single leaf may be shorter."""


class Leaf:
    """A piece of the text, and what it holds: characters, line breaks, pairs of ``\\r\\n``, units."""

    __slots__ = ("breaks", "chars", "ends_cr", "height", "pairs", "starts_lf", "text", "utf8", "utf16")

    def __init__(self, text: str) -> None:
        self.text = text
        self.height = 0
        self.chars = len(text)
        self.pairs = text.count("\r\n")
        self.breaks = text.count("\n") + text.count("\r") - self.pairs
        self.starts_lf = text[:1] == "\n"
        self.ends_cr = text[-1:] == "\r"
        self.utf16 = measure(text, PositionEncoding.UTF16)
        self.utf8 = measure(text, PositionEncoding.UTF8)


class Branch:
    """Two trees side by side, whose heights differ by one at most, and the sums of both."""

    __slots__ = ("breaks", "chars", "ends_cr", "height", "left", "pairs", "right", "starts_lf", "utf8", "utf16")
    breaks: int
    chars: int
    ends_cr: bool
    height: int
    pairs: int
    starts_lf: bool
    utf8: int
    utf16: int

    def __init__(self, left: Tree, right: Tree) -> None:
        self.left = left
        self.right = right
        self.height = (left.height if left.height > right.height else right.height) + 1
        self.chars = left.chars + right.chars
        self.breaks = left.breaks + right.breaks - (left.ends_cr and right.starts_lf)
        self.pairs = left.pairs + right.pairs + (left.ends_cr and right.starts_lf)
        self.starts_lf = left.starts_lf
        self.ends_cr = right.ends_cr
        self.utf16 = left.utf16 + right.utf16
        self.utf8 = left.utf8 + right.utf8


Tree: TypeAlias = Leaf | Branch


def built(text: str) -> Tree:
    """A balanced tree of leaves of equal length, about midway between the bounds."""
    if len(text) <= LEAF_MAX:
        return Leaf(text)
    count = -(-len(text) // ((LEAF_MIN + LEAF_MAX) // 2))
    cuts = [len(text) * k // count for k in range(count + 1)]
    level: list[Tree] = [Leaf(text[a:b]) for a, b in pairwise(cuts)]
    return _balanced_over(level, 0, len(level))


def _balanced_over(leaves: list[Tree], low: int, high: int) -> Tree:
    if high - low == 1:
        return leaves[low]
    middle = (low + high) // 2
    return Branch(_balanced_over(leaves, low, middle), _balanced_over(leaves, middle, high))


def replaced(node: Tree, start: int, end: int, text: str) -> Tree:
    """The tree with characters [start, end) of ``node`` replaced by ``text``."""
    if start == 0 and end == node.chars:
        return built(text)
    if isinstance(node, Leaf):
        return built(node.text[:start] + text + node.text[end:])
    left, right, middle = node.left, node.right, node.left.chars
    if end <= middle:
        return _joined(replaced(left, start, end, text), right)
    if start >= middle:
        return _joined(left, replaced(right, start - middle, end - middle, text))
    return _joined(replaced(left, start, middle, text), replaced(right, 0, end - middle, ""))


def _joined(left: Tree, right: Tree) -> Tree:
    """One balanced tree with the text of both: O(difference of their heights)."""
    if left.chars == 0:
        return right
    if right.chars == 0:
        return left
    if left.chars < LEAF_MIN or right.chars < LEAF_MIN:
        # a short leaf (a short tree is one leaf) sinks to the neighbouring leaf and is merged with it
        if isinstance(left, Leaf) and isinstance(right, Leaf):
            return built(left.text + right.text)
        if isinstance(left, Branch):
            return _balanced(left.left, _joined(left.right, right))
        if isinstance(right, Branch):
            return _balanced(_joined(left, right.left), right.right)
    if isinstance(left, Branch) and left.height > right.height + 1:
        return _balanced(left.left, _joined(left.right, right))
    if isinstance(right, Branch) and right.height > left.height + 1:
        return _balanced(_joined(left, right.left), right.right)
    return Branch(left, right)


def _balanced(left: Tree, right: Tree) -> Tree:
    """A branch of two trees whose heights differ by two at most, rotated so that it is balanced."""
    if isinstance(left, Branch) and left.height > right.height + 1:
        inner = left.right
        if isinstance(inner, Branch) and inner.height > left.left.height:
            return Branch(Branch(left.left, inner.left), Branch(inner.right, right))
        return Branch(left.left, Branch(inner, right))
    if isinstance(right, Branch) and right.height > left.height + 1:
        inner = right.left
        if isinstance(inner, Branch) and inner.height > right.right.height:
            return Branch(Branch(left, inner.left), Branch(inner.right, right.right))
        return Branch(Branch(left, inner), right.right)
    return Branch(left, right)
