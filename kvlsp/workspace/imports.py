"""Which files an import statement may mean, by comparing its words with paths, whatever the language.

``from kvlsp.text.rope import Rope``, ``use crate::text::rope::Rope``, ``import text.rope.Rope;`` and
``#include "text/rope.h"`` have the words text and rope in this order; the path ``kvlsp/text/rope.py`` ends so.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

PACKAGE_FILES: Final = frozenset({"__init__", "index", "mod", "lib", "main", "__main__"})
"""Stems of files that stand for their folder."""


def module_of(path: str) -> tuple[str, ...]:
    """The names by which an import means this file, outermost first: folders and stem, or folders alone."""
    parts = PurePosixPath(path).with_suffix("").parts
    return parts[:-1] if len(parts) > 1 and parts[-1] in PACKAGE_FILES else parts


def match(words: Iterable[str], path: str) -> float:
    """How many names at the end of a module's name come in order in an import's words; 0: another file is meant.

    A folder alone (``import "shop/cart"`` for ``shop/cart/total.go``, or a name handed on by a package) counts half.
    """
    module = module_of(path)
    given = list(words)
    return float(_ending(given, module)) or 0.5 * _ending(given, module[:-1])


def _ending(words: list[str], names: tuple[str, ...]) -> int:
    """The length of the longest ending of ``names`` that is a subsequence of ``words``."""
    for start in range(max(len(names) - 6, 0), len(names)):
        left = iter(words)
        if all(name in left for name in names[start:]):
            return len(names) - start
    return 0
