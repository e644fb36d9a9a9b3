"""Files of git's settings, read as git reads them: quotes, lines that go on, and the files that they include.

    found = Settings(git)                    # the repository's own folder, on which some includes depend
    found.read(home / ".gitconfig")          # a later file counts before an earlier one
    found.value("core.excludesfile")         # in lower case; None where nobody has set it

Plain files of bounded size are read, and no more than :data:`MOST` of them. What cannot be understood ends a file: git
itself goes no further there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from kvlsp.workspace.reading import read_bytes
from kvlsp.workspace.refusal import Refusal
from kvlsp.workspace.wildmatch import BadGlob, compile_glob

MOST: Final = 100
"""Files of one repository, those that others include among them."""
DEEPEST: Final = 10
"""Files that include one another; git goes no deeper either."""

_BETWEEN: Final = re.compile(r"(?:\s|[#;][^\n]*)*")
_SECTION: Final = re.compile(r'\[([\w.-]+)(?:[ \t]+"((?:[^"\\\n]|\\.)*)")?\]')
_SETTING: Final = re.compile(
    r"([A-Za-z][A-Za-z0-9-]*)[ \t]*"
    r'(?:=((?:\\(?:\n|\Z)|\\.|"(?:[^"\\\n]|\\\n|\\.)*"|[^"\\\n#;])*))?'
    r"(?:[#;][^\n]*)?(?:\n|\Z)"
)
_OTHER_THAN_ZERO: Final = re.compile(r"\s*[+-]?(?=.*[1-9a-f])(?:0x[0-9a-f]+|[0-9]+)[kmg]?", re.ASCII)
_SPECIAL: Final = re.compile(r'"|\\(\n|.|\Z)')
_ESCAPED: Final = {"n": "\n", "t": "\t", "b": "\b", "\n": ""}


class Settings:
    """See the module."""

    def __init__(self, git: Path | None) -> None:
        self._git = git
        self._found: dict[str, str] = {}
        self.files: list[Path] = []
        """All that was looked at, there or not."""

    def read(self, file: Path, depth: int = 0) -> None:
        """What stands in a file, and in those that it includes, each where it is named. One that is not there is
        empty."""
        if len(self.files) >= MOST or depth > DEEPEST:
            return
        self.files.append(file)
        for entry in _entries(_text(file)):
            if entry.of is None:
                self._found[f"{entry.section}.{entry.name}"] = entry.value
            if entry.name == "path" and self._includes(entry, file):
                self.read(file.parent / expanded(entry.value), depth + 1)

    def value(self, name: str) -> str | None:
        return self._found.get(name)

    def is_on(self, name: str) -> bool:
        value = self._found.get(name, "").lower()
        return value in ("true", "yes", "on") or _OTHER_THAN_ZERO.fullmatch(value) is not None

    def _includes(self, entry: _Entry, file: Path) -> bool:
        if entry.of is None:
            return entry.section == "include"
        kind, separator, glob = entry.of.partition(":")
        if entry.section != "includeif" or not separator or self._git is None:
            return False
        if kind == "onbranch":
            self.files.append(self._git / "HEAD")
            return _fits(_open_end(glob), _branch(self._git), fold=False)
        if kind not in ("gitdir", "gitdir/i"):
            return False
        if glob.startswith("./"):
            glob = _literal(os.path.realpath(file.parent)) + glob[1:]
        elif glob.startswith("~/"):
            glob = _literal(os.path.expanduser("~")) + glob[1:]
        elif not glob.startswith("/"):
            glob = f"**/{glob}"
        places = {os.path.realpath(self._git), os.path.abspath(self._git)}
        return any(_fits(_open_end(glob), place, fold=kind == "gitdir/i") for place in places)


def expanded(value: str) -> Path:
    """A path as it is written there."""
    return Path(os.path.expanduser(value))


class _Entry(NamedTuple):
    """``of`` is the name that a section of many has: ``[section "of"]``."""

    section: str
    of: str | None
    name: str
    value: str


def _entries(text: str) -> Iterator[_Entry]:
    section, of, at = "", None, 0
    while True:
        between = _BETWEEN.match(text, at)
        at = at if between is None else between.end()
        if head := _SECTION.match(text, at):
            section, of, at = head[1].lower(), head[2], head.end()
            of = of and re.sub(r"\\(.)", r"\1", of)
        elif line := _SETTING.match(text, at):
            yield _Entry(section, of, line[1].lower(), "true" if line[2] is None else _value(line[2]))
            at = line.end()
        else:
            return


def _value(written: str) -> str:
    """Without quotes, and without blanks outside of them at its ends."""
    return _SPECIAL.sub(lambda found: _ESCAPED.get(found[1], found[1]) if found[1] else "", written.strip(" \t\r\f\v"))


def _text(file: Path) -> str:
    """Of a plain file, also behind a link: people keep their settings elsewhere."""
    found = read_bytes(file, links=True)
    if isinstance(found, Refusal):
        return ""
    return found[0].partition(b"\0")[0].decode("utf-8-sig", "surrogateescape").replace("\r\n", "\n")


def _branch(git: Path) -> str:
    return _text(git / "HEAD").partition("\n")[0].removeprefix("ref: ").removeprefix("refs/heads/")


def _open_end(glob: str) -> str:
    return glob + "**" if glob.endswith("/") else glob


def _literal(path: str) -> str:
    return re.sub(r"([*?\[\\])", r"\\\1", path)


def _fits(glob: str, path: str, *, fold: bool) -> bool:
    try:
        return bool(compile_glob(os.fsencode(glob), paths=True, fold=fold)(os.fsencode(path)))
    except BadGlob:
        return False
