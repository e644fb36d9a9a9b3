"""Sentences for the user about what would be read, but is passed over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from kvlsp.workspace.refusal import Refusal

TOLD: Final = 3
"""So many of a kind are named, the others counted."""
_WHY: Final = {
    Refusal.CLOSED: "The file {} cannot be read and is left out; it is tried again now and then.",
    Refusal.COSTLY: "The file {} takes too much time or memory to parse and is left out until it changes.",
}


def sentences(folders: Mapping[Path, str], rules: Mapping[Path, str],
              files: Sequence[tuple[Path, Refusal]]) -> tuple[str, ...]:
    """``folders`` (or what is in them) that the disk does not give, and why; files of ``rules`` that cannot be
    followed; other ``files``."""
    found = [*_few(f"{_shown(folder)} cannot be read ({why}) and is left out."
                   for folder, why in sorted(folders.items())),
             *_few(f"The file {_shown(file)} {why}, so everything that it governs is left out."
                   for file, why in sorted(rules.items()))]
    for refusal, sentence in _WHY.items():
        found += _few(sentence.format(_shown(path)) for path, why in files if why is refusal)
    return tuple(found)


def _shown(path: Path) -> str:
    """On one line, whatever somebody called it."""
    return "".join(character if character.isprintable() else "?" for character in str(path))


def _few(many: Iterable[str]) -> list[str]:
    all_of_them = list(many)
    more = len(all_of_them) - TOLD
    return [*all_of_them[:TOLD], *([f"The same is true of {more} more."] if more > 0 else [])]
