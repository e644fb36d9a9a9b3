"""What several of these tests begin with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Any]:
    """A :class:`tests.e2e.support.recipes.Scene`; its editors end with the test."""
    recipes = pytest.importorskip("tests.e2e.support.recipes", reason="needs pyte: pip install pyte")
    scene = recipes.Scene(tmp_path)
    yield scene
    scene.close()
