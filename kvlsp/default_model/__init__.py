"""The model that comes with kvlsp: how it is made, and where its files lie."""

from __future__ import annotations

from pathlib import Path


def folder() -> Path:
    """The folder with the default checkpoint, in a checkout and in an installed wheel alike."""
    return Path(__file__).parent / "weights"
