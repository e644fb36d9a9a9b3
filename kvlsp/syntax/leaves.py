"""The form of a line of code: its leaves in order, with names, numbers and strings abstracted.

    leaves(python, "x = foo(1, 'a')")  # ("identifier", "=", "identifier", "(", "number", ",", "string", ")")

A line is parsed by itself: leaves exist even inside errors, and the same form gives the same leaves wherever
it stands. So a line costs what it is long, never what its document is long. Without a language, a plain lexer
tells words, numbers, strings and punctuation apart.
"""

from __future__ import annotations

import re
from functools import lru_cache

from kvlsp.errors import TooCostly
from kvlsp.syntax.language import Language

LONGEST = 400
"""Characters of a line that are looked at, the last ones."""
ABSTRACT = frozenset({"identifier", "number", "string"})

_LEXEME = re.compile(r"""[^\W\d]\w*|\d[\w.]*|"[^"]*"?|'[^']*'?|`[^`]*`?|\S""")


def leaves(language: Language | None, line: str) -> tuple[str, ...]:
    """The leaf kinds of a line; comments are left out unless they are all there is."""
    return _leaves(language, line.strip()[-LONGEST:])


@lru_cache(maxsize=2048)  # the lines above a caret are asked for at every keystroke
def _leaves(language: Language | None, text: str) -> tuple[str, ...]:
    if language is None:
        return tuple(first_leaf(None, lexeme) for lexeme in _LEXEME.findall(text))
    found: list[str] = []
    kinds = language.leaves
    try:
        cursor = language.parse(text).walk()
    except TooCostly:
        return _leaves(None, text)
    while True:
        node = cursor.node
        assert node is not None  # a cursor that walks a tree stands on a node
        kind = kinds.get(node.type)
        if kind is not None:
            found.append(kind)
        elif node.child_count == 0 and node.end_byte > node.start_byte:
            found.append(node.type)
        if kind is None and cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                code = tuple(leaf for leaf in found if leaf != "comment")
                return code or tuple(found)


def first_leaf(language: Language | None, text: str) -> str:
    """The leaf that (the beginning of) a line starts with, as far as its characters tell: "" for white space.

    A word is a keyword (the word itself) or "identifier"; of an operator, the first character.
    """
    match = _LEXEME.match(text.lstrip())
    if match is None:
        return ""
    lexeme = match.group()
    if lexeme[0].isdigit():
        return "number"
    if lexeme[0] in "\"'`":
        return "string"
    if lexeme[0].isalpha() or lexeme[0] == "_":
        return lexeme if language is not None and _keyword(language, lexeme) else "identifier"
    return lexeme[0]


@lru_cache(maxsize=4096)
def _keyword(language: Language, word: str) -> bool:
    return bool(language.compiled.id_for_node_kind(word, False))
