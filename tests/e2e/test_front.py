"""A daemon whose engine is elsewhere completes although it can import nothing that runs a model."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.cli.test_serve import daemon
from tests.support.folders import short_folder

SOURCE = "def add(left, right):\n    return left + right\n\n\ndef subtract(left, right):\n    return "


@pytest.mark.skipif(sys.platform == "win32", reason="every editor has an engine of its own there")
def test_a_daemon_completes_with_an_engine_elsewhere_and_imports_nothing_of_it():
    with short_folder() as folder:
        environment = {"XDG_RUNTIME_DIR": str(folder), "KVLSP_ENGINE_LINGER": "60"}
        client = daemon("raise ImportError(name)", engine="shared", environment=environment)
        try:
            client.initialize({"deadlineMs": 20_000, "invokedDeadlineMs": 60_000})
            client.open("file:///a.py", SOURCE)
            client.notification("kvlsp/status", lambda status: status["kind"] == "ready")
            [item, *_] = client.answer_to(client.complete("file:///a.py", 5, 11, 1))["result"]
            assert item["insertText"].strip()
            assert client.state("file:///a.py")["tokens"]
            assert client.close() == 0
        finally:
            subprocess.run([sys.executable, "-m", "kvlsp", "engine", "stop"], env={**os.environ, **environment},
                           check=True)
