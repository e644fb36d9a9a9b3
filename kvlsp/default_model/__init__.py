"""The model that comes with kvlsp: where its files lie. What made them is :mod:`kvlsp.laboratory.training`."""

from __future__ import annotations

from pathlib import Path


def folder() -> Path:
    """The folder with the default checkpoint, in a checkout and in an installed wheel alike."""
    return Path(__file__).parent / "weights"
