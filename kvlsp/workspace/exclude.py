"""The user's own globs of what is never read (the setting ``exclude``), and what becomes of one with a slip in it.

Whoever excludes something wants it kept to himself, so a glob with a slip in it leaves out more than was meant, never
less: everything that begins as it does, up to its first star, bracket or backslash. The others hold as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kvlsp.workspace.gitignore import Pattern, Patterns, TooMany
from kvlsp.workspace.wildmatch import BadGlob


class Excluded(NamedTuple):
    """``problems``: a sentence for each glob that was not understood."""

    patterns: Patterns
    problems: tuple[str, ...]


def excluded(globs: Sequence[str]) -> Excluded:
    """What these globs leave out."""
    patterns: list[Pattern] = []
    problems: list[str] = []
    for glob in globs:
        pattern = Pattern.parse(glob.encode("utf-8", "surrogatepass"))
        if pattern is None:
            continue
        try:
            pattern.compile(strict=True)
        except BadGlob as error:
            instead = pattern.widened()
            problems.append(
                f"kvlsp.exclude holds a glob that cannot be understood, {glob!r}: {error}. Write it like a "
                f"line of a .gitignore. {_until_then(instead)}"
            )
            if instead is None:
                continue
            pattern = instead
        patterns.append(pattern)
    try:
        return Excluded(Patterns(patterns), tuple(problems))
    except TooMany:
        problems.append(
            "kvlsp.exclude holds too many globs, so nothing of the workspace is read. Leave out whole folders instead."
        )
        return Excluded(Patterns.parse(b"*"), tuple(problems))


def _until_then(instead: Pattern | None) -> str:
    if instead is None:
        return "It leaves out nothing."
    begin = instead.beginning.decode("utf-8", "replace")
    return f"Until then all that begins with {begin} is left out." if begin else "Until then nothing at all is read."
