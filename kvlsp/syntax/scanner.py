"""Brackets, strings and comments of a text, line by line: what a parser cannot tell about unfinished code.

    scan = scan_lines(language, "foo(a, 'b)")
    scan.stack                    # the brackets still open, innermost last
    scan.inside                   # the string or comment that the end lies in, or None

A scan is frozen, so that a growing last line can be scanned again from the state before it. Where no language
is known, the usual quotes and brackets are assumed. Without a grammar, a stray apostrophe spoils
its line at most.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from kvlsp.syntax.language import Language, StringKind

CLOSER_OF = {"(": ")", "[": "]", "{": "}"}
CLOSERS = frozenset(CLOSER_OF.values())


@dataclass(frozen=True, slots=True)
class Bracket:
    """An opening bracket: its character, the indentation of its statement's line, the number of its line."""

    character: str
    indent: int
    line: int


@dataclass(frozen=True, slots=True)
class Scan:
    """The state at the end of a scanned text."""

    stack: tuple[Bracket, ...] = ()
    inside: StringKind | None = None
    """The string or comment that the end lies in."""
    line: int = 0
    excess: tuple[tuple[int, str, int], ...] = ()
    """Closers that were not open: (offset, character, indentation, or -1 if not first on its line)."""
    last: str = ""
    """The last character of code on the current line (no comment, no white space); '"' after a string."""
    comment: bool = False
    """The current line holds a comment; before the rest of a line: in one that ends with the line."""


@dataclass(frozen=True, slots=True)
class _Lexicon:
    code: re.Pattern[str]
    kinds: dict[str, StringKind]
    line_comments: frozenset[str]


def closers(stack: Sequence[Bracket]) -> str:
    """What closes these brackets, the innermost (last) one first."""
    return "".join(CLOSER_OF[bracket.character] for bracket in reversed(stack))


def indent_of(line: str) -> int:
    """Columns of white space at the start; a tab counts to the next multiple of eight."""
    columns = 0
    for character in line:
        if character == "\t":
            columns += 8 - columns % 8
        elif character in " \f\v":
            columns += 1
        else:
            break
    return columns


def scan_lines(language: Language | None, text: str, state: Scan | None = None) -> Scan:
    """The state after ``text``, which starts at a line's start with ``state`` before it."""
    state = state or Scan()
    offset = 0
    while True:
        end = text.find("\n", offset)
        if end < 0:
            return scan_line(language, text[offset:], state, offset)
        state = end_line(scan_line(language, text[offset:end], state, offset))
        offset = end + 1


def scan_line(language: Language | None, line: str, state: Scan, offset: int = 0) -> Scan:
    """The state at the end of (the beginning of) one line, given the state at its start."""
    lexicon = _lexicon(language)
    if state.comment and state.inside is None:  # in the middle of a line, in a comment that ends with it
        return state
    if state.inside is None and lexicon.code.search(line) is None:
        code = line.rstrip()
        return Scan(state.stack, None, state.line, state.excess, code[-1] if code else "")
    stack, inside, excess, last, comment = list(state.stack), state.inside, list(state.excess), "", False
    indent, at, length = indent_of(line), 0, len(line)
    while at < length:
        if inside is not None:
            comment = comment or inside.comment
            at, inside = _leave(inside, line, at)
            last = last if comment else '"'
            continue
        match = lexicon.code.search(line, at)
        code = line[at:match.start() if match else length].rstrip()
        if code:
            last = code[-1]
        if match is None:
            break
        token, at = match.group(), match.end()
        if token in CLOSER_OF:
            stack.append(Bracket(token, indent, state.line))
            last = token
        elif token in CLOSERS:
            if stack and CLOSER_OF[stack[-1].character] == token:
                opener = stack.pop()
                if opener.line < state.line:  # what opens behind it belongs to the statement that began there
                    indent = opener.indent
            else:
                leads = not line[:match.start()].strip(" \t)]}")
                excess.append((offset + match.start(), token, indent if leads else -1))
            last = token
        elif token in lexicon.line_comments:
            comment = True
            break
        elif token in lexicon.kinds:
            inside = lexicon.kinds[token]
            last = last if inside.comment else '"'
        else:
            last = '"'
    return Scan(tuple(stack), inside, state.line, tuple(excess), last, comment)


def end_line(state: Scan) -> Scan:
    """The state after the line break: one-line strings end, the line count grows."""
    inside = state.inside if state.inside is not None and state.inside.lines else None
    return Scan(state.stack, inside, state.line + 1, state.excess)


def _leave(inside: StringKind, line: str, at: int) -> tuple[int, StringKind | None]:
    """Where scanning goes on after the rest of a string or comment, and what is still inside."""
    while True:
        end = line.find(inside.close, at)
        if end < 0:
            return len(line), inside
        if inside.escape:
            back = end
            while back > at and line[back - 1] == inside.escape:
                back -= 1
            if (end - back) % 2:
                at = end + 1
                continue
        return end + len(inside.close), None


@cache
def _lexicon(language: Language | None) -> _Lexicon:
    if language is None:
        strings: tuple[StringKind, ...] = (StringKind('"', '"'), StringKind("'", "'"), StringKind("`", "`"))
        comments: tuple[str, ...] = ()
        blocks: tuple[tuple[str, str], ...] = ()
        literals: tuple[str, ...] = ()
    else:
        strings, comments = language.strings, language.line_comments
        blocks, literals = language.block_comments, language.literals
    kinds = {kind.open: kind for kind in strings}
    kinds |= {start: StringKind(start, end, lines=True, escape="", comment=True) for start, end in blocks}
    words = sorted([*kinds, *comments], key=len, reverse=True)
    parts = [*literals, *map(re.escape, words), r"[()\[\]{}]"]
    return _Lexicon(re.compile("|".join(f"(?:{part})" for part in parts)), kinds, frozenset(comments))
