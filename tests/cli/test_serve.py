"""The daemon's start: ``initialize`` is answered before what runs a model is imported, and where it cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pytest

from kvlsp.cli import PLAIN
from kvlsp.cli.daemon import VARIABLE
from tests.support.lsp_client import LspClient

HEAVY = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "tree_sitter", "rich", "sqlite3", "watchdog",
         "lsprotocol", "pygls", "attrs", "cattrs", "typer", "pydantic")
"""What takes long to import, or much memory. What the daemon serves an editor with is none of it."""

WITHOUT = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {heavy}:
            {instead}
sys.meta_path.insert(0, Finder())
from kvlsp.cli import main
main({words})
"""


def daemon(instead: str, words: Sequence[str] = ("serve",), heavy: Sequence[str] = HEAVY, engine: str = "own",
           environment: Mapping[str, str] = MappingProxyType({})) -> LspClient:
    """A daemon that does something else instead of importing what is heavy."""
    code = WITHOUT.format(heavy=heavy, instead=instead, words=list(words))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", VARIABLE: engine, **environment}
    return LspClient.spawn([sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL)


def test_what_the_daemon_serves_with_is_light():
    code = ("import sys, kvlsp.cli.daemon, kvlsp.crossfile.thread, kvlsp.remote.engine\n"
            f"print(*(name for name in {HEAVY} if name in sys.modules))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("words", [*PLAIN, ["serve", "--threads", "1"]], ids=" ".join)
def test_an_editor_is_served_where_no_model_can_run(words: list[str]):
    heavy = HEAVY if words in PLAIN else [name for name in HEAVY if name not in ("typer", "pydantic", "rich")]
    client = daemon("raise ImportError(name)", words, heavy)
    assert client.initialize()["inlineCompletionProvider"] == {}
    status = client.notification("kvlsp/status", lambda status: status["kind"] == "error")
    assert "kvlsp doctor" in status["message"]
    client.open("file:///a.py", "x = ")
    assert client.answer_to(client.complete("file:///a.py", 0, 4))["result"] == []
    assert client.state("file:///a.py")["characters"] == 4
    assert client.ask("kvlsp/statistics", {})["server"]["empty"] == {"not_ready": 1}
    assert client.close() == 0


@pytest.mark.skipif(os.name == "nt", reason="waits at a named pipe")
def test_an_editor_is_served_while_what_runs_the_model_is_imported(tmp_path: Path):
    """The import is kept waiting until the end: nothing here needs it."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    client = daemon(f"open({str(gate)!r}).read()")
    assert client.initialize()["inlineCompletionProvider"] == {}
    assert client.notification("kvlsp/status")["kind"] == "loading"
    client.open("file:///a.py", "x = ")
    assert client.answer_to(client.complete("file:///a.py", 0, 4))["result"] == []
    assert client.close() == 0
