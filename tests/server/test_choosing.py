"""A client that asks what models there are gets the list of ``kvlsp models``, made by a process of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kvlsp import default_model
from kvlsp.config import Settings
from kvlsp.server import choosing
from kvlsp.server.choosing import arguments
from tests.support.fake_engine import FakeEngine
from tests.support.lsp_client import LspClient

LIST = '{"machine": {"device": "cpu"}, "models": [{"name": "", "recommended": true}]}'


@pytest.fixture
def client():
    client = LspClient.connect(lambda settings, events: FakeEngine(settings, events, ("pass",), False))
    client.initialize()
    yield client
    client.close()


def program(monkeypatch, code: str) -> None:
    """What stands for the program kvlsp."""
    import sys

    monkeypatch.setattr(choosing.pipes, "command", lambda module, given: [sys.executable, "-c", code])


def test_the_list_and_the_model_in_use(client, monkeypatch):
    program(monkeypatch, f"print({LIST!r})")
    found = client.ask("workspace/executeCommand", {"command": "kvlsp.models"})
    assert found == {"machine": {"device": "cpu"}, "models": [{"name": "", "recommended": True}], "model": ""}


@pytest.mark.parametrize("code", ["raise SystemExit(2)", "print('[]')", "print('no JSON')"])
def test_a_program_that_fails_is_told_in_a_sentence_and_started_anew(client, monkeypatch, code):
    program(monkeypatch, code)
    number = client.request("workspace/executeCommand", {"command": "kvlsp.models"})
    refused = client.wait_for(lambda message: message.get("id") == number)
    assert "kvlsp models in a shell says why" in refused["error"]["message"]
    program(monkeypatch, f"print({LIST!r})")
    assert client.ask("workspace/executeCommand", {"command": "kvlsp.models"})["model"] == ""


def test_the_process_looks_where_the_daemon_s_model_lies_and_measures_what_it_uses(tmp_path: Path):
    there = tmp_path / "models" / "mine"
    shutil.copytree(default_model.folder(), there)
    usual = ["models", "--json", "--device", "cpu", "--threads", "2"]
    for model, more in ((str(there), ["--in", str(there.parent)]), ("", []), ("owner/name", []), ("/no/such/x", [])):
        assert arguments(Settings(model=model, device="cpu", threads=2)) == usual + more
