"""Lines whose key name is defined in another file of the package, after RepoBench's definitions (arXiv 2306.03091).

*First use*: the line is the first in its file that uses the name, imports left out. *Later use*: a line further down.
*In-file*: a line that uses a name of its own file and none of another; context can only harm it. Of an imported name
the import shows the spelling, so there is a fourth kind: *member*, a method of a class in an imported file whose name
the document has not shown at all. The document ends
where the line begins, as RepoBench's do, and a long one keeps its imports and its end. Which file defines a name is
the workspace index's word; which name a line uses is the parser's. Text in, text out: no tokens, no models.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from random import Random
from typing import Final, Literal

from kvlsp.laboratory.evaluation.crossfile_packages import Package

Kind = Literal["first_use", "later_use", "member", "in_file"]
KINDS: Final[tuple[Kind, ...]] = ("first_use", "later_use", "member", "in_file")

_SHORTEST_NAME = 3
_LONGEST_LINE = 120
_LEAST_BEFORE = 10
"""Lines above."""
_COMMON = frozenset(name for kind in (str, bytes, list, dict, set, tuple, int, float, BaseException, bytearray)
                    for name in dir(kind)) | {"close", "read", "write", "readline", "flush", "seek", "name", "group"}
"""Members that objects of the language have as well."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Case:
    """``text`` ends where ``line`` begins; ``line`` has its indentation and no line end, ``name`` is at ``column``.

    ``defined_in`` are the files of the package that define the name, relative to its root.
    """

    kind: Kind
    package: str
    path: str
    number: int
    text: str
    line: str
    name: str
    column: int
    defined_in: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Use:
    line: int  # from 0
    column: int
    name: str


def cases(package: Package, characters: int) -> Iterator[Case]:
    """All of a package's, in the order of its files; documents of about so many characters at most."""
    for path in sorted(package.texts):
        text = package.texts[path]
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        yield from _of_file(package, path, text, tree, characters)


def drawn(found: Iterable[Case], count: int, seed: int = 0) -> dict[Kind, list[Case]]:
    """``count`` of each kind, packages and in them files in turn; always the same of the same cases."""
    random = Random(seed)
    result: dict[Kind, list[Case]] = {}
    groups: dict[Kind, dict[str, dict[str, list[Case]]]] = {
        kind: defaultdict(lambda: defaultdict(list)) for kind in KINDS
    }
    for case in found:
        groups[case.kind][case.package][case.path].append(case)
    for kind in KINDS:
        queues = []
        for package in sorted(groups[kind]):
            files = [groups[kind][package][path] for path in sorted(groups[kind][package])]
            for file in files:
                random.shuffle(file)
            random.shuffle(files)
            queues.append(list(_in_turn(files)))
        result[kind] = list(_in_turn(queues))[:count]
    return result


def _in_turn(queues: Sequence[Sequence[Case]]) -> Iterator[Case]:
    for number in range(max(map(len, queues), default=0)):
        for queue in queues:
            if number < len(queue):
                yield queue[number]


def cropped(text: str, characters: int, imports: Iterable[int]) -> str:
    """The end of a document, from a line's start, below the lines with numbers ``imports`` that stand before it."""
    if len(text) <= characters:
        return text
    start = text.find("\n", len(text) - characters) + 1
    above = text[:start].split("\n")[:-1]
    return "\n".join([*(above[line] for line in imports if line < len(above)), text[start:]])


# -- one file


def _of_file(package: Package, path: str, text: str, tree: ast.Module, characters: int) -> Iterator[Case]:
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    own = {definition.name: definition.line for definition in reversed(package.index.outline(package.root / path)
                                                                       .definitions)}
    imports = _Imports(package, path, tree, frozenset(own))
    importing = [line for node in tree.body if _only_imports(node)
                 for line in range(node.lineno - 1, node.end_lineno or node.lineno)]
    foreign = _by_line(_uses(imports, tree, lines))
    seen: set[str] = set()
    again: set[str] = set()

    def case(kind: Kind, use: _Use, defined_in: frozenset[str]) -> Case | None:
        line = lines[use.line]
        if use.line < _LEAST_BEFORE or len(line) > _LONGEST_LINE or line[use.column :][: len(use.name)] != use.name:
            return None
        if line.strip().strip("()[]{},:") == use.name:  # the name and nothing else
            return None
        document = cropped(text[: starts[use.line]], characters, importing)
        return Case(kind, package.name, path, use.line, document, line, use.name, use.column, defined_in)

    for number in sorted(foreign):
        names = foreign[number]
        new = [use for use in names if use.name not in seen]
        use = (new or names)[0]
        if new or use.name not in again:
            found = case("first_use" if new else "later_use", use, imports.definers[use.name])
            if found is not None:
                yield found
                if not new:
                    again.add(use.name)
        seen.update(use.name for use in names)
    shown = {name: number for number, line in reversed([*enumerate(lines)]) for name in _WORD.findall(line)}
    for number, uses in sorted(_by_line(_members(tree, lines, imports)).items()):
        new = [use for use in uses if shown.get(use.name) == number]
        if new and (found := case("member", new[0], imports.members[new[0].name])) is not None:
            yield found
    for number, uses in sorted(_by_line(_own_uses(tree, lines, own)).items()):
        if number not in foreign and (found := case("in_file", uses[0], frozenset({path}))) is not None:
            yield found


class _Imports:
    """What a file imports from others of its package: ``names`` in scope, ``modules`` in scope -> file, ``definers``
    of each name, ``members`` that classes in the imported files have -> those files."""

    def __init__(self, package: Package, path: str, tree: ast.Module, own: frozenset[str]) -> None:
        self._package, self._path, self._own = package, path, own
        self.names: set[str] = set()
        self.modules: dict[str, str] = {}
        self.definers: dict[str, frozenset[str]] = {}
        self.files: set[str] = set()
        self.outside: set[str] = set()
        """Names of what comes from other packages."""
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (folder := self._folder(node)) is not None:
                for alias in node.names:
                    self._add(folder, alias)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                self.outside.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
        self.members: dict[str, frozenset[str]] = {}
        for file in sorted(self.files):
            for definition in package.index.outline(package.root / file).definitions:
                if definition.inside and definition.name not in own | _COMMON and _usable(definition.name):
                    self.members[definition.name] = self.members.get(definition.name, frozenset()) | {file}

    def _folder(self, node: ast.ImportFrom) -> PurePosixPath | None:
        """The module of ``from MODULE import``, as a path without an ending; None outside the package."""
        words = node.module.split(".") if node.module else []
        if node.level == 0:
            return PurePosixPath(*words) if words[:1] == [self._package.name] else None
        folder = PurePosixPath(self._path)
        for _ in range(node.level):
            folder = folder.parent
        return folder.joinpath(*words)

    def _add(self, module: PurePosixPath, alias: ast.alias) -> None:
        if (file := self._file(module / alias.name)) is not None:
            self.modules[alias.asname or alias.name] = file
            self.files.add(file)
        elif alias.asname in (None, alias.name) and self.resolve(alias.name, self._file(module)):
            self.names.add(alias.name)
            self.files |= self.definers[alias.name]

    def resolve(self, name: str, module: str | None) -> bool:
        """Note which files define ``name`` when ``module`` is imported from; False when that is not clear."""
        if name in self._own or not _usable(name):
            return False
        if name not in self.definers:
            files = {found.path for found in self._package.index.named([name])
                     if not found.definition.inside and found.path != self._path}
            if module in files:
                files = {module}
            if len(files) != 1:
                return False
            self.definers[name] = frozenset(files)
        return True

    def _file(self, module: PurePosixPath) -> str | None:
        for path in (f"{module}.py", f"{module}/__init__.py"):
            if path in self._package.texts:
                return path
        return None


def _uses(imports: _Imports, tree: ast.Module, lines: Sequence[str]) -> Iterator[_Use]:
    """Of names of other files: as they are, and as attributes of imported modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in imports.names:
            yield _Use(node.lineno - 1, _column(lines, node.lineno, node.col_offset), node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.end_col_offset is not None:
            module = imports.modules.get(node.value.id)
            if module is not None and imports.resolve(node.attr, module):
                line = node.end_lineno or node.lineno
                yield _Use(line - 1, _column(lines, line, node.end_col_offset) - len(node.attr), node.attr)


def _members(tree: ast.Module, lines: Sequence[str], imports: _Imports) -> Iterator[_Use]:
    """Attributes that may be members of classes in imported files."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in imports.members and node.end_col_offset is not None:
            root: ast.expr = node.value
            while isinstance(root, ast.Attribute | ast.Call):
                root = root.value if isinstance(root, ast.Attribute) else root.func
            if isinstance(root, ast.Name) and root.id in imports.outside:
                continue
            line = node.end_lineno or node.lineno
            yield _Use(line - 1, _column(lines, line, node.end_col_offset) - len(node.attr), node.attr)


def _usable(name: str) -> bool:
    return len(name) >= _SHORTEST_NAME and not name.startswith("__")


def _own_uses(tree: ast.Module, lines: Sequence[str], own: dict[str, int]) -> Iterator[_Use]:
    """Of names that the file itself has defined further up."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            name, line, column = node.id, node.lineno, _column(lines, node.lineno, node.col_offset)
        elif isinstance(node, ast.Attribute) and node.end_lineno is not None and node.end_col_offset is not None:
            name, line = node.attr, node.end_lineno
            column = _column(lines, line, node.end_col_offset) - len(name)
            if name in _COMMON:
                continue
        else:
            continue
        if len(name) >= _SHORTEST_NAME and isinstance(node.ctx, ast.Load) and own.get(name, line) < line - 1:
            yield _Use(line - 1, column, name)


def _only_imports(node: ast.stmt) -> bool:
    if isinstance(node, ast.If):  # if TYPE_CHECKING: and the like
        return all(map(_only_imports, [*node.body, *node.orelse]))
    return isinstance(node, ast.Import | ast.ImportFrom)


def _by_line(uses: Iterable[_Use]) -> dict[int, list[_Use]]:
    found: dict[int, list[_Use]] = defaultdict(list)
    for use in sorted(uses, key=lambda use: (use.line, use.column)):
        found[use.line].append(use)
    return dict(found)


def _column(lines: Sequence[str], line: int, column: int) -> int:
    """The parser counts UTF-8 bytes."""
    return len(lines[line - 1].encode()[:column].decode())
