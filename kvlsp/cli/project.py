"""Which project a file belongs to, when no editor says so."""

from __future__ import annotations

from pathlib import Path

ROOT_MARKS = (".git", ".hg", "pyproject.toml", "package.json", "Cargo.toml", "go.mod", "pom.xml", "CMakeLists.txt")


def root_of(path: Path) -> Path:
    """The nearest folder above that looks like a project's, else the file's own."""
    for folder in path.parents:
        if any((folder / mark).exists() for mark in ROOT_MARKS):
            return folder
    return path.parent
