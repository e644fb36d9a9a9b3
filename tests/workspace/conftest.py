"""Small workspaces, and a service that is asked about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workspace.shapes import indexed
from tests.workspace.talk import Talk
from tests.workspace.trees import ALLOWED, write_tree


@pytest.fixture
def root(tmp_path) -> Path:
    write_tree(tmp_path / "project", ALLOWED)
    return (tmp_path / "project").resolve()


@pytest.fixture
def talk(tmp_path):
    talk = Talk(tmp_path / "kept")
    yield talk
    talk.service.close()


@pytest.fixture
def index(tmp_path):
    """Of the shapes."""
    with indexed(tmp_path) as index:
        yield index
