"""Where the installed editors are. `install-neovim` and `install-vscode` beside this folder put them there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[1]
REPOSITORY = HERE.parents[1]
ARTEFACTS = HERE / "artefacts"
FIXED_SERVER = HERE / "support" / "fixed_server.py"


def editors_folder() -> Path:
    """KVLSP_EDITORS, else a folder in the user's cache: the same rule as in the installers."""
    named = os.environ.get("KVLSP_EDITORS")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(named) if named else cache / "kvlsp-editors"


def installed(name: str, program: str) -> Path:
    """The program of an installed editor; skips the test, saying how to install it, where it is absent."""
    path = editors_folder() / name / program
    if not os.access(path, os.X_OK):
        pytest.skip(f"{path} is absent: run tests/e2e/install-{name.partition('-')[0]}")
    return path
