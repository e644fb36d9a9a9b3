"""The product is whole without the laboratory: its commands run where no module of it can be imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from kvlsp.cli import program, table
from tests.support.lsp_client import LspClient

WITHOUT_LABORATORY = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("kvlsp.laboratory"):
            raise ModuleNotFoundError(f"No module named {name!r} in an editor's daemon", name=name)

sys.meta_path.insert(0, Blocked())
from kvlsp.cli import main
main(sys.argv[1:])
"""
SOURCE = "def add(left, right):\n    return left + right\n\n\ndef subtract(left, right):\n    return "


def environment() -> dict[str, str]:
    """Read when a test runs: its folders are named only then, and an engine in the user's would outlive the tests."""
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", WITHOUT_LABORATORY, *arguments], capture_output=True, text=True,
                          timeout=120, env=environment())  # fmt: skip


def test_serve_answers_an_editor():
    client = LspClient.spawn([sys.executable, "-c", WITHOUT_LABORATORY, "serve"], stderr=subprocess.DEVNULL,
                             env=environment())  # fmt: skip
    client.initialize({"deadlineMs": 20_000, "invokedDeadlineMs": 60_000})
    status = client.notification("kvlsp/status", lambda status: status["kind"] in ("ready", "error"))
    assert status["kind"] == "ready"
    client.open("file:///small.py", SOURCE)
    assert client.answer_to(client.complete("file:///small.py", 5, 11, 1))["result"]
    assert client.close() == 0


def test_complete_and_context_run(tmp_path):
    (tmp_path / "small.py").write_text(SOURCE, encoding="utf-8")
    done = run("complete", f"{tmp_path / 'small.py'}:6:12", "--json", "--cross-file", "--threads", "1")
    assert done.returncode == 0, done.stderr
    assert "text" in json.loads(done.stdout)
    assert run("context", f"{tmp_path / 'small.py'}:6:12").returncode == 0


def test_doctor_finds_nothing_missing():
    findings = json.loads(run("doctor", "--json", "--threads", "1").stdout)["findings"]
    assert [finding for finding in findings if "laboratory" in finding["problem"]] == []
    assert {"model", "grammar python"} <= {finding["name"] for finding in findings}


def test_the_help_page_is_written_without_it():
    done = run("--help")
    assert done.returncode == 0, done.stderr
    assert "evaluate" in done.stdout


def test_the_blocker_blocks():
    """Otherwise the tests above would show nothing."""
    done = run("bench", "--help")
    assert done.returncode == 1
    assert "in an editor's daemon" in done.stderr


@pytest.mark.parametrize("name", table.COMMANDS)
def test_every_row_of_the_help_page_names_a_command_that_is_there(name):
    assert program.load(name).get_short_help_str()
