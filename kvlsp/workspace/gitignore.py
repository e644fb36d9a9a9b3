"""One file of git's ignore rules: its lines as git reads them, and what the last line that speaks of a path says.

    patterns = Patterns.parse(b"*.log\n!keep.log\nbuild/\n")
    patterns.verdict(b"src/a.log", is_folder=False)    # True: ignored; False: taken back; None: no line speaks of it

Bytes in, as in git: a path is relative to the file's folder, with ``/`` between names. Only ``\\n`` ends a line, a byte
order mark counts for nothing, a line that cannot match is passed over. Folders above a path are the caller's to ask
about: nothing here looks at them. It reads nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from kvlsp.workspace.wildmatch import BadGlob, Matcher, compile_glob, never

MOST: Final = 10_000
"""Lines with stars, brackets or paths; each is tried for every file."""
_SPECIAL: Final = b"*?[\\"
_MARK: Final = b"\xef\xbb\xbf"


class TooMany(ValueError):
    """A file of rules that takes too long to follow."""


@dataclass(slots=True)
class Pattern:
    """A line that says something. ``name``: it speaks of names at any depth, not of paths."""

    glob: bytes
    negative: bool
    folders_only: bool
    name: bool
    fold: bool = False
    _matcher: Matcher | None = None

    @staticmethod
    def parse(line: bytes, *, fold: bool = False) -> Pattern | None:
        """None: an empty line, or a comment. ``fold``: letters of both cases are the same."""
        line = _trimmed(line.split(b"\0", 1)[0])
        if not line or line.startswith(b"#"):
            return None
        negative = line.startswith(b"!")
        glob = line[negative:]
        folders_only = glob.endswith(b"/")
        glob = glob[:len(glob) - folders_only]
        return Pattern(glob, negative, folders_only, b"/" not in glob, fold)

    @property
    def plain(self) -> bool:
        """A name, letter by letter."""
        return self.name and _prefix(self.glob) == len(self.glob)

    def matches(self, path: bytes, name: bytes) -> bool:
        """``name``: the last of the path's."""
        if self._matcher is None:
            try:
                self._matcher = self.compile()
            except BadGlob:
                self._matcher = never
        return bool(self._matcher(name if self.name else path))

    @property
    def beginning(self) -> bytes:
        """What all that it speaks of begins with: up to its first special byte."""
        glob = self.glob if self.name else self.glob[self.glob.startswith(b"/"):]
        return glob[:_prefix(glob)]

    def widened(self) -> Pattern | None:
        """One that speaks of all that begins as this one does, files and folders; None where this one takes something
        back, or names nothing."""
        if self.negative or not self.glob.strip(b"/"):
            return None
        start = self.beginning
        return Pattern(self.glob, False, False, self.name, _matcher=lambda path: path.startswith(start))

    def compile(self, *, strict: bool = False) -> Matcher:
        """Raises :class:`BadGlob` when no path can ever match; ``strict``: as :func:`compile_glob` has it."""
        if not self.glob.strip(b"/"):
            raise BadGlob("it names nothing")
        if self.name:
            return compile_glob(self.glob, paths=False, fold=self.fold, strict=strict)
        glob = self.glob[self.glob.startswith(b"/"):]
        start = _prefix(glob)  # git compares what comes before the first special byte, and matches the rest by itself
        literal, rest = glob[:start], compile_glob(glob[start:], paths=True, fold=self.fold, strict=strict)
        if self.fold:
            return lambda path: path[:start].lower() == literal.lower() and rest(path[start:])
        return lambda path: path.startswith(literal) and rest(path[start:])


class Patterns:
    """The lines of a file, in order."""

    def __init__(self, patterns: Iterable[Pattern], *, fold: bool = False) -> None:
        """Raises :class:`TooMany`."""
        self._fold = fold
        self._names: dict[bytes, list[tuple[int, Pattern]]] = {}
        self._others: list[tuple[int, Pattern]] = []
        for number, pattern in enumerate(patterns):
            if pattern.plain:
                self._names.setdefault(pattern.glob.lower() if fold else pattern.glob, []).append((number, pattern))
            else:
                self._others.append((number, pattern))
        if len(self._others) > MOST:
            raise TooMany
        self._others.reverse()

    @staticmethod
    def parse(data: bytes, *, fold: bool = False) -> Patterns:
        """Raises :class:`TooMany`."""
        if data.startswith(_MARK):
            data = data[len(_MARK):]
        lines = (line[:-1] if line.endswith(b"\r") else line for line in data.split(b"\n"))
        parsed = (Pattern.parse(line, fold=fold) for line in lines)
        return Patterns((pattern for pattern in parsed if pattern is not None), fold=fold)

    def __bool__(self) -> bool:
        return bool(self._names or self._others)

    def verdict(self, path: bytes, *, is_folder: bool) -> bool | None:
        """True: ignored, False: taken back by a line with ``!``, None: no line speaks of it."""
        name = path[path.rfind(b"/") + 1:]
        known = self._names.get(name.lower() if self._fold else name, ())
        number, found = next(((number, pattern) for number, pattern in reversed(known)
                              if is_folder or not pattern.folders_only), (-1, None))
        for other, pattern in self._others:
            if other < number:
                break
            if (is_folder or not pattern.folders_only) and pattern.matches(path, name):
                return not pattern.negative
        return None if found is None else not found.negative


def _prefix(glob: bytes) -> int:
    """Bytes before the first special one."""
    return next((at for at, byte in enumerate(glob) if byte in _SPECIAL), len(glob))


def _trimmed(line: bytes) -> bytes:
    """Without blanks at its end, but for those behind a backslash."""
    end = at = 0
    while at < len(line):
        step = 2 if line[at:at + 1] == b"\\" else 1
        if line[at:at + 1] != b" ":
            if at + step > len(line):
                return line  # it ends with a backslash: git leaves the line as it is
            end = at + step
        at += step
    return line[:end]
