"""A day of walking through files: the daemon's memory stays where it is, and comes back when all are closed."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.test_stdio import OPTIONS, daemon, ready
from tests.support.lsp_client import LspClient, edit

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="a system tells a process's memory otherwise"),
]

ROUNDS = 1000
WARM = 200
"""Rounds after which all that is kept for ever is there."""
AFTER = 60 * 10**6 >> 20
"""MiB above the start, a minute after all is closed: 60 megabytes, among them products of matrices that stay compiled.
"""


def resident(process: subprocess.Popen[bytes]) -> int:
    """MiB."""
    for line in Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    raise AssertionError("the daemon has ended")


def visit(client: LspClient, number: int) -> None:
    """A file of another length each time is opened, completed in, edited, completed in again and closed."""
    uri = f"file:///walk/{number % 30}.py"
    functions = 10 + number * 7 % 60
    text = "".join(f"def g{j}_{number}(value):\n    return value * {j}\n\n" for j in range(functions))
    client.open(uri, f"{text}def last(value):\n    return ", version=1)
    client.answer_to(client.complete(uri, 3 * functions + 1, 11))
    client.change(uri, edit(0, 0, 0, "import os\n"))
    client.answer_to(client.complete(uri, 3 * functions + 2, 11))
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


@pytest.mark.timeout(1800)
def test_memory_is_flat_and_given_back():
    client = daemon("--stdio")
    client.initialize({**OPTIONS, "cacheMib": 64, "engine": "own"})  # the process that is measured holds the model
    ready(client)
    assert client.process is not None
    start, marks = resident(client.process), []
    for number in range(1, ROUNDS + 1):
        visit(client, number)
        if number >= WARM and number % 20 == 0:
            marks.append(resident(client.process))
    assert max(marks[len(marks) // 2 :]) - max(marks[: len(marks) // 2]) < 30, (start, marks)
    end = time.monotonic() + 60
    while resident(client.process) - start >= AFTER and time.monotonic() < end:
        time.sleep(1)
    assert resident(client.process) - start < AFTER, (start, marks)
    assert client.close() == 0
