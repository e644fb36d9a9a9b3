"""What is shown of another file: some lines of it, with where they come from and why they were chosen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Key: TypeAlias = tuple[Path, str, str]
"""Root, path and text."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines [line, end) of a file, or the heads of them. Equal keys: the same text of the same file."""

    root: Path
    path: str
    line: int
    end: int
    text: str
    kind: Literal["definition", "region", "similar"]
    name: str
    reason: str
    score: float

    @property
    def key(self) -> Key:
        return self.root, self.path, self.text


@dataclass(frozen=True, slots=True)
class Region:
    """A part of another open document, as the owner of the documents knows it; the latest comes first."""

    root: Path
    path: str
    line: int
    end: int
    text: str
    reason: str
