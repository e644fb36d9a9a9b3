"""What the text right behind an inserted one has become, as the parser sees it.

    behind = piece.behind(inserted)     # the piece parses with it
    behind.reached                      # what reaches across the end of what was inserted
    behind.kind                         # whether code, a string or a comment begins there now
    behind.word                         # what kind of word or sign begins there
    behind.begins_statement             # a statement begins there, on the line on which another one ends
    behind.closes_nothing               # the sign there is a statement by itself
"""

from __future__ import annotations

from dataclasses import dataclass

import tree_sitter

from kvlsp.syntax.language import Language

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ \t\n\r\"'`/#")
"""A leaf without any of these is an operator."""
_IN_STRINGS = ("string", "escape", "fragment", "template_chars")
_QUOTES = ("_start", "_end")


@dataclass(frozen=True)
class Behind:
    """In the tree ``root``: byte ``end`` is where the inserted text ends, ``start`` where what stands behind it begins;
    between the two there are blanks. ``last``: the end of the last sign of the inserted text."""

    language: Language
    root: tree_sitter.Node
    last: int
    end: int
    start: int

    @property
    def reached(self) -> str | None:
        """The kind of a leaf that reaches across the end of the inserted text, "" for an operator, None if nothing
        does."""
        node = self.root.descendant_for_byte_range(self.end - 1, self.end + 1)
        if node is None or node.child_count or node.start_byte >= self.end or node.end_byte <= self.end:
            return None
        signs = not any(byte > 127 or byte in _PLAIN for byte in node.text or b"")  # `?.` may have a name of its own
        return self.language.leaves.get(node.type, node.type) if node.is_named and not signs else ""

    @property
    def kind(self) -> str:
        """"string" where the text of one begins, "comment" likewise; "" for code, the quotes of a string among it."""
        leaf = self._leaf
        if leaf is None or not leaf.is_named:
            return ""
        if "comment" in leaf.type or self.language.leaves.get(leaf.type) == "comment":
            return "comment"
        inside = any(word in leaf.type for word in _IN_STRINGS) and not leaf.type.endswith(_QUOTES)
        return "string" if inside or self.language.leaves.get(leaf.type) == "string" else ""

    @property
    def word(self) -> str:
        """The kind of the leaf there, one for all names; "" where there is none."""
        leaf = self._leaf
        if leaf is None:
            return ""
        return "identifier" if "identifier" in leaf.type else leaf.type

    @property
    def begins_word(self) -> bool:
        """Whether that leaf begins there, and not before."""
        leaf = self._leaf
        return leaf is not None and leaf.start_byte == self.start

    @property
    def closes_nothing(self) -> bool:
        """Whether the leaf there is all of its statement: an empty one."""
        leaf = self._leaf
        parent = leaf.parent if leaf is not None else None
        return (leaf is not None and parent is not None and parent.is_named and not leaf.is_named
                and (parent.start_byte, parent.end_byte) == (leaf.start_byte, leaf.end_byte))

    @property
    def begins_statement(self) -> bool:
        """Whether one statement ends with the inserted text and another begins right there."""
        query = self.language.query("statements")
        if query is None:
            return False
        cursor = tree_sitter.QueryCursor(query)
        cursor.set_byte_range(max(self.last - 1, 0), self.start + 1)
        found = cursor.captures(self.root).get("statement", [])
        ends = any(node.end_byte == self.last for node in found)
        return ends and any(node.start_byte == self.start for node in found)

    @property
    def _leaf(self) -> tree_sitter.Node | None:
        node = self.root.descendant_for_byte_range(self.start, self.start + 1)
        while node is not None and node.child_count:
            node = node.children[0]
        return node
