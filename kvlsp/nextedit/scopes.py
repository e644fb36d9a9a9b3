"""Where in a file a name means the same thing, as far as the outline of its syntax tells.

A prior for where a change has to be repeated, not a resolver: a parameter or a variable in the definition that it
stands in, an attribute in the outermost one, the name of a definition where that definition can be seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import tree_sitter

from kvlsp.errors import TooCostly
from kvlsp.nextedit.words import occurrences
from kvlsp.syntax.language import Language, encode

Role = Literal["name", "attribute", "keyword", "text"]
"""How a name is used: by itself, of something, as the name of an argument; or not at all, in a string or comment."""

_CLASSES = ("class", "impl", "interface", "struct", "trait", "enum", "object")
_THEMSELVES = ("self", "cls", "this")
"""What the object whose method it is is called."""


_TYPED = re.compile(r"[\w>\]] *[&*]*$")
_BINDS_BEFORE = re.compile(r"\b(?:for|as|import|let|const|var|def|class|function|fn|func|type)(?: mut)? +"
                           r"(?:[\w, (]+, *)?$")
_BINDS_BEHIND = re.compile(r" *(?::[^=\n]+)?(?:, *[\w, .*]+)?\)? *(?::=|=(?!=))")
_ONLY_TARGETS = re.compile(r"[\s\w.,(*]*")


@dataclass(frozen=True, slots=True)
class Occurrence:
    """``text[start:end]`` is the name. ``same``: it means what was changed, as far as can be told."""

    start: int
    end: int
    role: Role
    same: bool


@dataclass(frozen=True, slots=True)
class _Definition:
    start: int
    end: int
    name: tuple[int, int]
    is_class: bool


class Scopes:
    """The definitions of a text. Without a language, or where it cannot be parsed, every occurrence counts."""

    def __init__(self, language: Language | None, text: str) -> None:
        self.language, self._text = language, text
        self._tree: tree_sitter.Tree | None = None
        self._data = encode(text)
        self._definitions: list[_Definition] = []
        if language is not None:
            try:
                self._tree = language.parse(self._data)
            except TooCostly:
                return
            self._definitions = list(self._outline(language))

    def _outline(self, language: Language) -> Iterator[_Definition]:
        query = language.query("outline")
        if query is None or self._tree is None:
            return
        for _, captures in tree_sitter.QueryCursor(query).matches(self._tree.root_node):
            for whole, name in zip(captures.get("definition", ()), captures.get("name", ()), strict=False):
                is_class = any(part in whole.type for part in _CLASSES)
                if "body" in captures or is_class:
                    yield _Definition(self._character(whole.start_byte), self._character(whole.end_byte),
                                      (self._character(name.start_byte), self._character(name.end_byte)), is_class)

    @cached_property
    def _bytes(self) -> npt.NDArray[np.int64]:
        """The byte at which each character begins, and the end of them all, ascending."""
        data = np.frombuffer(self._data, np.uint8)
        return np.append(np.flatnonzero((data & 0xC0) != 0x80), len(data))

    def _character(self, byte: int) -> int:
        ascii_only = len(self._data) == len(self._text)
        return byte if ascii_only else int(np.searchsorted(self._bytes, byte))

    def _byte(self, character: int) -> int:
        return character if len(self._data) == len(self._text) else int(self._bytes[character])

    def role(self, start: int, end: int) -> Role:
        """How the name at [start, end) is used."""
        text, node = self._text, None
        if self._tree is not None and self.language is not None:
            node = self._tree.root_node.descendant_for_byte_range(self._byte(start), self._byte(end))
            inside = node
            while inside is not None and inside.end_byte - inside.start_byte < 4000:
                if self.language.leaves.get(inside.type) in ("string", "comment") and not _interpolated(node, inside):
                    return "text"
                inside = inside.parent
        if text[:start].rstrip(" ")[-1:] == "." or text[max(0, start - 2) : start] in ("->", "::"):
            return "attribute"
        if node is not None and node.parent is not None and node.parent.type == "keyword_argument":
            first = node.parent.child_by_field_name("name")
            if first is not None and first.start_byte == node.start_byte:
                return "keyword"
        return "name"

    def around(self, start: int) -> list[_Definition]:
        """Definitions that hold the offset, outermost first."""
        return sorted((one for one in self._definitions if one.start <= start < one.end),
                      key=lambda one: one.end - one.start, reverse=True)

    def defines(self, start: int, name: str) -> bool:
        """Whether the name at ``start`` is what the place is there for: the name of a definition or of a parameter, or
        what a value is bound to. A change of a use may mean something else; a change here is a rename."""
        text, end = self._text, start + len(name)
        around = self.around(start)
        if any(one.name[0] == start for one in around):
            return True
        if around and not around[-1].is_class and start < _closing(text, around[-1].name[1]):
            head = text[around[-1].name[1] : start].rstrip()
            return head[-1:] in ("(", ",", "*", "&") or _TYPED.search(head) is not None
        line = text.rfind("\n", 0, start) + 1
        stop = text.find("\n", end)
        if _BINDS_BEFORE.search(text[line:start]) is not None:
            return True
        assigned = _BINDS_BEHIND.match(text[end : stop if stop >= 0 else len(text)]) is not None
        return assigned and _ONLY_TARGETS.fullmatch(text[line:start]) is not None

    def same(self, old: str, new: str, changed: int) -> list[Occurrence]:
        """Every occurrence of ``old``, when at ``changed`` stands ``new`` that was ``old``: which of them mean what
        was changed there."""
        at, text = changed, self._text
        role = self.role(at, at + len(new))
        around = self.around(at)
        wanted: set[Role] = {role}
        named = next((one for one in around if one.name[0] == at), None)
        if named is not None:
            outside = [one for one in around if one is not named]
            if outside and outside[-1].is_class:  # a method
                wanted, low, high = {"attribute"}, outside[0].start, outside[0].end
            else:
                low, high = (outside[-1].start, outside[-1].end) if outside else (0, len(text))
                wanted = {"name"}
        elif role == "attribute":
            low, high = (around[0].start, around[0].end) if around else (0, len(text))
        elif around and not around[-1].is_class:
            low, high = around[-1].start, around[-1].end
        elif around:
            low, high, wanted = around[0].start, around[0].end, {"attribute", "name"}
        else:
            low, high = 0, len(text)
        owners = {self._owner(at)} if role == "attribute" else set()
        if "attribute" in wanted and role != "attribute":
            owners = {*_THEMSELVES, *(text[one.name[0] : one.name[1]] for one in around if one.is_class)}
        names = {one.name[0] for one in self._definitions}
        inner = [one for one in self._definitions if low <= one.start and one.end <= high]
        found = []
        for start in occurrences(text, old):
            its = self.role(start, start + len(old))
            same = low <= start < high and its in wanted
            if same and its == "attribute" and owners:
                same = self._owner(start) in owners
            if same and its == "name" and (start in names or self._shadowed(old, start, inner)):
                same = False
            found.append(Occurrence(start, start + len(old), its, same))
        return found

    def _owner(self, start: int) -> str:
        """What the attribute at ``start`` belongs to, if that is a plain name."""
        head = self._text[max(0, start - 80) : start].rstrip(" ")
        if not head.endswith("."):
            return ""
        head = head[:-1]
        end = len(head)
        while end and (head[end - 1].isalnum() or head[end - 1] == "_"):
            end -= 1
        return head[end:]

    def _shadowed(self, name: str, start: int, inner: list[_Definition]) -> bool:
        """Whether a definition between the scope and the place has a parameter of this name, or a comprehension around
        the place binds it."""
        text = self._text
        if self._comprehended(name, start):
            return True
        for one in inner:
            if one.is_class or not one.name[1] < start < one.end:
                continue
            for found in occurrences(text, name, one.name[1], _closing(text, one.name[1])):
                if text[:found].rstrip()[-1:] in ("(", ",", "*", "&"):
                    return True
        return False

    def _comprehended(self, name: str, start: int) -> bool:
        node = None if self._tree is None else self._tree.root_node.descendant_for_byte_range(
            self._byte(start), self._byte(start + len(name)))
        while node is not None and not node.type.endswith(("statement", "definition", "block")):
            for clause in node.children:
                left = clause.child_by_field_name("left") if clause.type == "for_in_clause" else None
                bound = "" if left is None or left.text is None else left.text.decode("utf-8", "replace")
                if next(occurrences(bound, name), None) is not None:
                    return True
            node = node.parent
        return False


def _closing(text: str, start: int) -> int:
    """Behind the bracket that closes the first one after ``start``; ``start`` where none opens soon."""
    depth = 0
    for at in range(start, min(len(text), start + 2000)):
        if text[at] == "(":
            depth += 1
        elif text[at] == ")":
            depth -= 1
            if depth <= 0:
                return at + 1
        elif depth == 0 and not text[at].isspace():
            return start
    return start


def _interpolated(node: tree_sitter.Node | None, string: tree_sitter.Node) -> bool:
    """Whether a node is code inside of a string."""
    while node is not None and node != string:
        if "interpolation" in node.type or "substitution" in node.type:
            return True
        node = node.parent
    return False
