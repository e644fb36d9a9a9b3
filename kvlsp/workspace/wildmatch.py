"""Globs as git matches them, on bytes, in time that no pattern can blow up.

    matcher = compile_glob(b"src/**/[[:digit:]]*.py", paths=True)
    matcher(b"src/a/b/1st.py")                  # True

A glob becomes a regular expression in which nothing is tried twice: a piece between two stars is taken where it is met
first, for what follows a star is as well off there as anywhere behind. So a match costs at most the length of the glob
times that of the path. Rules are those of git's own matcher: ``?`` is one byte, named classes are ASCII, a range that
runs backwards holds its first byte alone, a bracket that is not closed never matches.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

LONGEST: Final = 4096
"""Bytes of a path; a glob that needs more of them never matches."""

Matcher = Callable[[bytes], object]
"""What it returns is true where the whole of a path matches."""

_SLASH: Final = ord("/")
_CAPITALS: Final = frozenset(string.ascii_uppercase.encode())
_CASE: Final = ord("a") - ord("A")
_CLASSES: Final = {
    b"alnum": string.ascii_letters + string.digits, b"alpha": string.ascii_letters, b"blank": " \t",
    b"cntrl": "".join(map(chr, [*range(32), 127])), b"digit": string.digits,
    b"graph": "".join(map(chr, range(33, 127))), b"lower": string.ascii_lowercase,
    b"print": "".join(map(chr, range(32, 127))), b"punct": string.punctuation, b"space": " \t\n\r",
    b"upper": string.ascii_uppercase, b"xdigit": string.hexdigits,
}  # fmt: skip


class BadGlob(ValueError):
    """A glob that can never match; says why."""


@dataclass(slots=True)
class _Run:
    """What stands between two ``**``: expressions of one byte each in ``pieces``, a star between two pieces."""

    before: bytes = b""
    """The expression of the ``**`` in front."""
    pieces: list[list[bytes]] = field(default_factory=lambda: [[]])


def never(_path: bytes) -> bool:
    """The matcher of a glob that never matches."""
    return False


def compile_glob(glob: bytes, *, paths: bool, fold: bool = False, strict: bool = False) -> Matcher:
    """``paths``: no star or class matches a slash, but ``**`` between slashes does. ``fold``: letters of both cases.

    Raises :class:`BadGlob` for one that can never match; ``strict``: for a range that runs backwards, too, in which git
    sees its first byte.
    """
    runs = _runs(glob, paths, fold, strict)
    if sum(len(piece) for run in runs for piece in run.pieces) > LONGEST:
        raise BadGlob("it is longer than any path")
    star = rb"[^/]*" if paths else rb".*"
    groups = 0

    def once(expression: bytes) -> bytes:
        """A group that is matched where it is met first, and nowhere else."""
        nonlocal groups
        groups += 1
        return b"(?=(?P<g%d>%s))(?P=g%d)" % (groups, expression, groups)

    whole = b""
    for number, run in enumerate(runs):
        first, *others = [b"".join(piece) for piece in run.pieces]
        last = number == len(runs) - 1
        within = first + b"".join(once(star + b"?" + piece) for piece in (others[:-1] if last else others))
        if last:
            whole += run.before + within + (star + others[-1] if others else b"")
        else:
            whole += once(run.before + within) if run.before else within
    expression = re.compile(whole, re.DOTALL | (re.IGNORECASE if fold else 0))
    return expression.fullmatch


def _runs(glob: bytes, paths: bool, fold: bool, strict: bool) -> list[_Run]:
    runs = [_Run()]
    at, end = 0, len(glob)
    while at < end:
        byte = glob[at:at + 1]
        if byte == b"*":
            stars = at
            while glob[at:at + 1] == b"*":
                at += 1
            deep = paths and at - stars > 1 and glob[stars - 1:stars] in (b"", b"/")
            if deep and at == end:
                runs.append(_Run(rb".*"))
            elif deep and glob[at:at + 1] == b"/":
                runs.append(_Run(rb"(?:[^/]*/)*?"))
                at += 1
            elif deep and glob[at:at + 2] == rb"\/":
                runs.append(_Run(rb"(?:[^/]*/)+?"))
                at += 2
            else:
                runs[-1].pieces.append([])
            continue
        if byte == b"?":
            expression, at = rb"[^/]" if paths else rb".", at + 1
        elif byte == b"[":
            members, at = _bracket(glob, at + 1, fold, strict)
            expression = _one_of(members - {_SLASH} if paths else members)
        elif byte == b"\\":
            if at + 1 == end:
                raise BadGlob("it ends with a backslash")
            expression, at = re.escape(glob[at + 1:at + 2]), at + 2
        else:
            expression, at = re.escape(byte), at + 1
        runs[-1].pieces[-1].append(expression)
    return runs


def _one_of(members: set[int]) -> bytes:
    if not members:
        raise BadGlob("a bracket in it holds nothing")
    return b"[" + b"".join(b"\\x%02x" % member for member in sorted(members)) + b"]"


def _bracket(glob: bytes, at: int, fold: bool, strict: bool) -> tuple[set[int], int]:
    """The bytes that a bracket names, and where the glob goes on; ``at`` is behind its ``[``."""
    negated = glob[at:at + 1] in (b"!", b"^")
    at += negated
    members: set[int] = set()
    capital: set[int] = set()  # what also stands for the small letters of its capitals
    before, first = None, True
    while first or glob[at:at + 1] != b"]":
        first = False
        byte, at = _byte(glob, at)
        if byte == ord("-") and before is not None and glob[at:at + 1] not in (b"", b"]"):
            top, at = _escaped(*_byte(glob, at), glob)
            if strict and top < before:
                raise BadGlob("a range in it runs backwards")
            capital.update(range(before, top + 1))
            before = None
        elif byte == ord("[") and glob[at:at + 1] == b":":
            close = glob.find(b"]", at + 1)
            if close < 0:
                raise BadGlob("a bracket in it is not closed")
            if close > at + 1 and glob[close - 1:close] == b":":
                name = glob[at + 1:close - 1]
                if name not in _CLASSES:
                    raise BadGlob("it names a class that does not exist")
                (capital if name == b"upper" else members).update(_CLASSES[name].encode())
                before, at = None, close + 1
            else:
                members.add(byte)
                before = byte
        else:
            before, at = _escaped(byte, at, glob)
            members.add(before)
    if fold:
        return _folded(members, capital, negated), at + 1
    return (set(range(1, 256)) - members - capital if negated else members | capital), at + 1


def _folded(members: set[int], capital: set[int], negated: bool) -> set[int]:
    """What a bracket names where letters of both cases are the same. git asks it about small letters only, so a capital
    that stands there alone names nothing."""
    asked = set(range(1, 256)) - _CAPITALS
    found = (members | capital | {byte + _CASE for byte in capital & _CAPITALS}) & asked
    found = asked - found if negated else found
    return found | {byte - _CASE for byte in found if byte - _CASE in _CAPITALS}


def _byte(glob: bytes, at: int) -> tuple[int, int]:
    if at >= len(glob):
        raise BadGlob("a bracket in it is not closed")
    return glob[at], at + 1


def _escaped(byte: int, at: int, glob: bytes) -> tuple[int, int]:
    return _byte(glob, at) if byte == ord("\\") else (byte, at)
