"""Which definitions of a package's other files a piece of text uses, and what they look like.

Names only, found by their spelling: no imports are followed. A name that many files define says nothing about
which of them is meant, so it is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from kvlsp.laboratory.training.corpus import SourceFile
from kvlsp.laboratory.training.languages import definition_heads

#: More definitions of one name than this, and it is anybody's.
MOST_OF_A_NAME = 3
#: Lines of a definition that are shown: its head, what it says of itself, the start of its body.
LONGEST = 24

_WORD = re.compile(r"[A-Za-z_]\w{3,}")


class Definitions:
    """Where the files of one package define their names. Built once: O(text of the package)."""

    def __init__(self, files: Sequence[SourceFile], numbers: Iterable[int]) -> None:
        self._files = files
        found: dict[str, list[tuple[int, int]]] = {}
        for number in numbers:
            for match in definition_heads(files[number].path).finditer(files[number].text):
                name = match.group(1) or match.group(2)
                places = found.setdefault(name, [])
                if len(places) <= MOST_OF_A_NAME:
                    places.append((number, match.start()))
        self._places = {
            name: places
            for name, places in found.items()
            if len(places) <= MOST_OF_A_NAME and not name.startswith("__")
        }

    def used_by(self, text: str, file: SourceFile) -> dict[str, tuple[SourceFile, int]]:
        """Names in ``text`` that another file than ``file`` defines and ``file`` does not: where the first does."""
        used: dict[str, tuple[SourceFile, int]] = {}
        for name in dict.fromkeys(_WORD.findall(text)):
            places = self._places.get(name)
            if places and all(self._files[number] is not file for number, _ in places):
                used[name] = (self._files[places[0][0]], places[0][1])
        return used


def definition(text: str, start: int) -> str:
    """The definition that begins in the line at ``start``, its first lines only where it is long."""
    return "\n".join(block(text, start)[:LONGEST]) + "\n"


def block(text: str, start: int) -> list[str]:
    """The line at ``start``, those below that are indented deeper, and the brackets that close it, without blank lines
    at the end.
    """
    first, *below = text[start:].split("\n", 1)
    margin = len(first) - len(first.lstrip())
    lines = [first]
    for line in below[0].split("\n") if below else ():
        indent = len(line) - len(line.lstrip())
        if line.strip() and (indent < margin or (indent == margin and line[margin] not in ")]}")):
            break
        lines.append(line)
    while len(lines) > 1 and not lines[-1].strip():
        lines.pop()
    return lines
