"""With ``KVLSP_ENGINE=shared`` these tests have an engine of their own among them, and leave none behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

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
