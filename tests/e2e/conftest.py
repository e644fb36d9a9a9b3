"""What several of these tests begin with; with ``KVLSP_ENGINE=shared`` they have an engine of their own among them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.folders import short_folder


@pytest.fixture(scope="session", autouse=True)
def shared_engine_of_their_own() -> Iterator[None]:
    if os.environ.get("KVLSP_ENGINE") != "shared":
        yield
        return
    with short_folder() as folder:
        os.environ["XDG_RUNTIME_DIR"] = str(folder)
        yield
        subprocess.run([sys.executable, "-m", "kvlsp", "engine", "stop"], check=False)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Any]:
    """A :class:`tests.e2e.support.recipes.Scene`; its editors end with the test."""
    recipes = pytest.importorskip("tests.e2e.support.recipes", reason="needs pyte: pip install pyte")
    scene = recipes.Scene(tmp_path)
    yield scene
    scene.close()
