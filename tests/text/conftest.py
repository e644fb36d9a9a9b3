"""Ropes of short leaves, so that short examples make deep trees."""

from __future__ import annotations

import pytest

from kvlsp.text import tree


@pytest.fixture
def small_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves of 4 to 16 characters."""
    monkeypatch.setattr(tree, "LEAF_MIN", 4)
    monkeypatch.setattr(tree, "LEAF_MAX", 16)
