"""Renames with all uses known: one name changed where it is defined, nothing else. Where is it used?

Truth is Python's own syntax tree (:mod:`ast`), read with Python's rules of scope; what is judged reads it with
tree-sitter, and a part of it with a model. Four kinds: a parameter, a variable of a function, an attribute of ``self``,
a function or method. The arguments that callers in the same file name are right, too, but nobody has to find them.
"""

from __future__ import annotations

import ast
import keyword
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

from kvlsp.laboratory.evaluation.rename import NEW_NAMES
from kvlsp.text.edit import Edit

KINDS = ("parameter", "variable", "attribute", "function")

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_SHORTEST = 3


@dataclass(frozen=True)
class Rename:
    """In the file ``before`` the name ``old`` at ``definition`` becomes ``new``. ``uses`` are offsets of ``old`` in the
    text after that, ascending; ``callers`` those of arguments that are named so in calls. ``next`` is the first use
    below the definition."""

    name: str
    kind: str
    before: str
    definition: int
    old: str
    new: str
    uses: tuple[int, ...]
    callers: frozenset[int]

    @property
    def next(self) -> int:
        return min(use for use in self.uses if use > self.definition)

    @property
    def edit(self) -> Edit:
        return Edit(self.definition, self.definition + len(self.old), self.new)

    @property
    def after(self) -> str:
        return self.before[: self.definition] + self.new + self.before[self.definition + len(self.old) :]


def renames(files: Iterable[tuple[str, str]], within: int, seed: int = 0) -> list[Rename]:
    """All places in files ``(name, text)`` whose next use is ``within`` so many characters below, kinds taking turns in
    an order drawn with ``seed``."""
    kinds: dict[str, list[Rename]] = {kind: [] for kind in KINDS}
    for name, text in files:
        for one in _of_file(name, text, within):
            kinds[one.kind].append(one)
    random = Random(seed)
    for found in kinds.values():
        random.shuffle(found)
    longest = max(map(len, kinds.values()), default=0)
    return [found[turn] for turn in range(longest) for found in kinds.values() if turn < len(found)]


def _of_file(name: str, text: str, within: int) -> Iterator[Rename]:
    if "\r" in text or "\f" in text:
        return
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    place = _Places(text)
    for kind, old, definition, uses, callers in _candidates(tree, place):
        later = [use for use in uses if use > definition]
        if len(old) < _SHORTEST or old.startswith("__") or keyword.iskeyword(old) or not later:
            continue
        new = next((one for one in NEW_NAMES if one not in text), None)
        if new is None or min(later) >= definition + within:
            continue
        moved = len(new) - len(old)

        def after(offsets: Iterable[int], definition: int = definition, moved: int = moved) -> list[int]:
            return sorted(at + (moved if at > definition else 0) for at in offsets)

        yield Rename(name, kind, text, definition, old, new, tuple(after(uses)), frozenset(after(callers)))


_Candidate = tuple[str, str, int, list[int], list[int]]


def _candidates(tree: ast.Module, place: _Places) -> Iterator[_Candidate]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from _of_class(node, place)
        if isinstance(node, _Function):
            yield from _of_function(node, place, calls)
    for node in tree.body:
        if isinstance(node, _Function):
            uses = [place.of(one) for one in _names(tree, node.name)]
            yield "function", node.name, place.of_definition(node), uses, []


def _of_function(node: _Function, place: _Places, calls: list[ast.Call]) -> Iterator[_Candidate]:
    parameters = {one.arg: one for one in _parameters(node.args)}
    declared = {name for one in ast.walk(node) if isinstance(one, ast.Global | ast.Nonlocal) for name in one.names}
    for name, argument in parameters.items():
        if name in ("self", "cls") or name in declared:
            continue
        callers = [place.offset(word.lineno, word.col_offset) for call in calls if _called(call) == node.name
                   for word in call.keywords if word.arg == name]
        yield ("parameter", name, place.offset(argument.lineno, argument.col_offset),
               [place.of(use) for use in _in_body(node, name)], callers)
    seen = set(parameters) | declared
    for one in ast.walk(node):
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store) and one.id not in seen:
            seen.add(one.id)
            uses = sorted(place.of(use) for use in _in_body(node, one.id))
            if uses and any(isinstance(use.ctx, ast.Load) for use in _in_body(node, one.id)):
                yield "variable", one.id, uses[0], uses[1:], []


def _of_class(node: ast.ClassDef, place: _Places) -> Iterator[_Candidate]:
    attributes: dict[str, list[ast.Attribute]] = {}
    for one in ast.walk(node):
        if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name) and one.value.id == "self":
            attributes.setdefault(one.attr, []).append(one)
    methods = {one.name: one for one in node.body if isinstance(one, _Function)}
    plain = {target.id for one in node.body if isinstance(one, ast.Assign | ast.AnnAssign)
             for target in (one.targets if isinstance(one, ast.Assign) else [one.target])
             if isinstance(target, ast.Name)}
    for name, found in attributes.items():
        offsets = sorted(place.of_attribute(one) for one in found)
        if name in methods:
            yield "function", name, place.of_definition(methods[name]), offsets, []
        elif name not in plain:
            stores = [place.of_attribute(one) for one in found if isinstance(one.ctx, ast.Store)]
            if stores and min(stores) == offsets[0]:
                yield "attribute", name, offsets[0], offsets[1:], []


def _names(tree: ast.Module, name: str) -> Iterator[ast.Name]:
    """Uses of a global."""
    yield from _free(tree.body, name)


def _in_body(node: _Function, name: str) -> list[ast.Name]:
    return list(_free(node.body, name))


def _free(nodes: Iterable[ast.AST], name: str) -> Iterator[ast.Name]:
    """The names in the nodes that are not bound anew by a scope inside of them."""
    for node in nodes:
        if isinstance(node, ast.Name):
            if node.id == name:
                yield node
        elif isinstance(node, _Function | ast.Lambda):
            outside: list[ast.AST] = [*node.args.defaults, *(one for one in node.args.kw_defaults if one)]
            outside += [one.annotation for one in _parameters(node.args) if one.annotation]
            if not isinstance(node, ast.Lambda):
                outside += [*node.decorator_list, *([node.returns] if node.returns else [])]
            yield from _free(outside, name)
            body: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else list(node.body)
            if not _binds(node, body, name):
                yield from _free(body, name)
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            bound = {one.id for part in node.generators for one in ast.walk(part.target) if isinstance(one, ast.Name)}
            if name in bound:
                yield from _free([node.generators[0].iter], name)
            else:
                yield from _free(ast.iter_child_nodes(node), name)
        else:
            yield from _free(ast.iter_child_nodes(node), name)


def _binds(node: _Function | ast.Lambda, body: list[ast.AST], name: str) -> bool:
    if any(one.arg == name for one in _parameters(node.args)):
        return True
    inner = [one for part in body for one in ast.walk(part)]
    if any(isinstance(one, ast.Global | ast.Nonlocal) and name in one.names for one in inner):
        return False
    return any(isinstance(one, ast.Name) and one.id == name and isinstance(one.ctx, ast.Store) for one in inner)


def _parameters(arguments: ast.arguments) -> list[ast.arg]:
    found = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [*found, *(one for one in (arguments.vararg, arguments.kwarg) if one is not None)]


def _called(call: ast.Call) -> str:
    function = call.func
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


class _Places:
    """Offsets of nodes in a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = text.split("\n")
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)

    def offset(self, line: int, column: int) -> int:
        """Of a line counted from 1 and a column in bytes."""
        own = self._lines[line - 1]
        return self._starts[line - 1] + (column if own.isascii() else len(own.encode()[:column].decode()))

    def of(self, node: ast.Name) -> int:
        return self.offset(node.lineno, node.col_offset)

    def of_attribute(self, node: ast.Attribute) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.offset(node.end_lineno, node.end_col_offset) - len(node.attr)

    def of_definition(self, node: _Function) -> int:
        start = self.offset(node.lineno, node.col_offset)
        return self._text.index(node.name, self._text.index("def", start) + 3)
