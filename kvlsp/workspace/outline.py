"""A file's outline: what it defines, with signatures and first doc lines, and what it imports.

Pure: text in, frozen values out. What a definition or an import is, is said by ``outline.scm`` and ``imports.scm``
of the language's folder; no language is named here. Works on text with syntax errors as far as the parser does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

import tree_sitter

from kvlsp.syntax.language import Language, encode

SHORT: Final = 600
"""A definition of at most so many characters is kept whole."""
LONGEST: Final = 1200
"""Characters of a longer one: signature, doc line and the signatures of its members."""
SIGNATURE: Final = 300
FIELDS: Final = 500
DOC: Final = 160
SECONDS: Final = 3.0
"""Seconds of processor time for one parse; an ordinary megabyte takes 0.3."""
MOST: Final = 2000
"""Definitions, and imports, that are kept of one file."""

_DECORATES = re.compile(r"\s*(@\w|#\[|\[\[)")
_WORD = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Definition:
    """Lines are counted from 0, ``end`` is behind the last; ``inside`` names what encloses it, outermost first."""

    name: str
    inside: str
    line: int
    end: int
    signature: str
    doc: str
    text: str
    """What a model should see of it: all of a short one, else head, doc line and the heads of its members."""


@dataclass(frozen=True, slots=True)
class Outline:
    """``imports``: the import statements as written, at most :data:`SIGNATURE` characters of each."""

    definitions: tuple[Definition, ...]
    imports: tuple[str, ...]
    import_lines: frozenset[int] = frozenset()
    """Lines on which imports stand; an index does not keep them."""


Outliner: TypeAlias = Callable[[Language, str], Outline]
"""Makes an outline: :func:`outline_of`, or something that bounds it."""


@dataclass(slots=True)
class _Found:
    node: tree_sitter.Node
    name: str
    body: tree_sitter.Node | None
    start: int  # byte where its first line begins, decorators included
    members: list[str]
    first_member: int = 0


def outline_of(language: Language, text: str) -> Outline:
    """The outline of a whole file.

    :class:`kvlsp.errors.ConfigurationError` when the grammar's wheel is missing, :class:`kvlsp.errors.TooCostly` when
    it is seen in time that the parser takes too long; it is not always (:mod:`kvlsp.workspace.reader`).
    """
    data = encode(text)
    root = language.parse(data, seconds=SECONDS).root_node
    nodes = _imports(language, root)
    imports = tuple(_plain(data[node.start_byte:node.end_byte])[:SIGNATURE] for node in nodes)
    lines = (line for node in nodes for line in range(node.start_point[0], node.end_point[0] + (node.end_point[1] > 0)))
    return Outline(tuple(_definitions(language, data, root)), imports, frozenset(lines))


def words_of(text: str) -> list[str]:
    """Identifiers and keywords in order, as often as they stand there."""
    return _WORD.findall(text)


def _imports(language: Language, root: tree_sitter.Node) -> list[tree_sitter.Node]:
    query = language.query("imports")
    if query is None:
        return []
    nodes = tree_sitter.QueryCursor(query).captures(root).get("import", [])
    nodes.sort(key=lambda node: node.start_byte)
    return nodes[:MOST]


def _definitions(language: Language, data: bytes, root: tree_sitter.Node) -> list[Definition]:
    result: list[Definition] = []
    around: list[_Found] = []
    everything = _matches(language, data, root)
    for found in everything:  # members must be known before the text of what encloses them is made
        while around and around[-1].node.end_byte <= found.node.start_byte:
            around.pop()
        if around:
            around[-1].first_member = around[-1].first_member or found.start
            around[-1].members.append(_lines(data, found.start, _head_end(found)))
        around.append(found)
    around.clear()
    for found in everything:
        while around and around[-1].node.end_byte <= found.node.start_byte:
            around.pop()
        result.append(_definition(language, data, found, ".".join(outer.name for outer in around)[-SIGNATURE:]))
        around.append(found)
    return result


def _matches(language: Language, data: bytes, root: tree_sitter.Node) -> list[_Found]:
    query = language.query("outline")
    if query is None:
        return []
    found: dict[tuple[int, int], _Found] = {}
    for _, captures in tree_sitter.QueryCursor(query).matches(root):
        if "definition" not in captures or "name" not in captures:
            continue
        node, body = captures["definition"][0], captures.get("body")
        name = _name(data, captures["name"][0])
        if name:
            start = _decorated_start(data, node.start_byte)
            found[node.start_byte, -node.end_byte] = _Found(node, name, body[0] if body else None, start, [])
    return [found[key] for key in sorted(found)[:MOST]]


def _name(data: bytes, node: tree_sitter.Node) -> str:
    """The defined identifier: of ``A::f(int x)`` it is f, of ``Box<T>`` it is Box."""
    words = words_of(re.split(r"[(<\[]", _text(data[node.start_byte:node.end_byte]), maxsplit=1)[0])
    return words[-1][:SIGNATURE] if words else ""


def _definition(language: Language, data: bytes, found: _Found, inside: str) -> Definition:
    node = found.node
    signature = _plain(data[node.start_byte:_head_end(found)])[:SIGNATURE].rstrip(" {")
    doc = _doc_within(language, data, found.body) or _doc_above(language, data, found.start)
    longer = node.end_byte - found.start > 4 * SHORT  # bytes of so many characters, whatever they are
    whole = _lines(data, found.start, found.start + 4 * SHORT if longer else node.end_byte)
    if not longer and len(whole) <= SHORT:
        text = whole
    elif found.body is None:
        text = _cut(whole, SHORT)
    else:
        text = _cut("\n".join([_lines(data, found.start, _head_end(found)), *_doc_lines(language, doc),
                               *_fields(data, found), *found.members]), LONGEST)
    first = node.start_point[0] - data.count(b"\n", found.start, node.start_byte)
    end_row, end_column = node.end_point
    return Definition(found.name, inside, first, end_row + (end_column > 0), signature, doc, text)


def _head_end(found: _Found) -> int:
    return min(found.body.start_byte if found.body is not None else found.node.end_byte,
               found.node.start_byte + 4 * SIGNATURE)


def _fields(data: bytes, found: _Found) -> list[str]:
    """What a body says before its first member, when that is short: the fields of a class, mostly."""
    if found.body is None or not found.members:
        return []
    inner = found.body.start_byte + (data[found.body.start_byte:found.body.start_byte + 1] == b"{")
    end = found.first_member or inner
    children = found.body.named_children[:1]
    if children and data[children[0].start_byte:children[0].start_byte + 1] in (b'"', b"'"):
        inner = children[0].end_byte  # the doc string, of which one line is shown already
    if end - inner >= 4 * FIELDS:
        return []
    text = _text(data[inner:end])
    return [line.rstrip() for line in text.split("\n") if line.strip()] if len(text) < FIELDS else []


def _doc_lines(language: Language, doc: str) -> list[str]:
    """The doc line as a comment, where the language has one."""
    if not doc:
        return []
    if language.line_comments:
        return [f"    {language.line_comments[0]} {doc}"]
    return [f"    {start} {doc} {end}" for start, end in language.block_comments[:1]]


def _decorated_start(data: bytes, start: int) -> int:
    """Where the definition's first line begins; lines right above that decorate it belong to it."""
    begin = data.rfind(b"\n", 0, start) + 1
    for _ in range(10):
        above = data.rfind(b"\n", 0, max(begin - 1, 0)) + 1
        if begin == 0 or not _DECORATES.match(_text(data[above:begin])):
            break
        begin = above
    return begin


def _doc_within(language: Language, data: bytes, body: tree_sitter.Node | None) -> str:
    """The first line of a string that is the body's first statement."""
    if body is None or language.layout != "indentation":
        return ""
    first = body.named_children[:1]
    text = _text(data[first[0].start_byte:first[0].end_byte]) if first else ""
    for kind in language.strings:
        if text.startswith(kind.open) and text.endswith(kind.close) and len(text) > 2 * len(kind.open):
            return _first_line(text[len(kind.open):-len(kind.close)].splitlines())
    return ""


def _doc_above(language: Language, data: bytes, start: int) -> str:
    """The first line of the comment that ends right above."""
    lines: list[str] = []
    ends = tuple(end for _, end in language.block_comments)
    starts = tuple(start for start, _ in language.block_comments)
    block = False
    for _ in range(60):
        if start == 0:
            break
        above = data.rfind(b"\n", 0, start - 1) + 1
        line = _text(data[above:start]).strip()
        block = block or bool(ends and line.endswith(ends))
        if not block and not (language.line_comments and line.startswith(language.line_comments)):
            break
        lines.append(line)
        if block and line.startswith(starts):
            block = False
        start = above
    return _first_line(line.strip("/*#!- \t") for line in reversed(lines))


def _first_line(lines: Iterable[str]) -> str:
    return next((line.strip()[:DOC] for line in lines if line.strip()), "")


def _lines(data: bytes, start: int, end: int) -> str:
    """The text of whole definitions or heads, from the beginning of a line on."""
    begin = data.rfind(b"\n", 0, start) + 1
    if data[begin:start].strip():
        begin = start
    return _text(data[begin:end]).rstrip()


def _cut(text: str, longest: int) -> str:
    """At most so many characters, whole lines only where there are any."""
    if len(text) <= longest:
        return text
    end = text.rfind("\n", 0, longest)
    return text[:end if end > 0 else longest]


def _plain(data: bytes) -> str:
    """On one line, white space as single blanks."""
    return " ".join(_text(data).split())


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
