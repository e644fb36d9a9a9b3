"""Editors while the model loads: they type, see what the daemon does, restart it; what was typed then is completed.

The server is the real one, its engine stands once a file does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("pynvim", reason="pynvim drives Neovim: pip install pynvim")

from tests.e2e.support.editors import REPOSITORY, installed
from tests.e2e.support.neovim import Neovim
from tests.e2e.support.tapped import TappedServer
from tests.e2e.support.vscode import VSCode

ANSWER = "sum(rows)"
RUN = "import sys; sys.path.insert(0, sys.argv.pop(1)); from tests.support.fixed_answer_server import main; main()"


@pytest.fixture
def loaded(tmp_path: Path) -> Path:
    """The model loads until this file is there."""
    return tmp_path / "loaded"


@pytest.fixture
def daemon(loaded: Path) -> list[str]:
    return [sys.executable, "-c", RUN, str(REPOSITORY), "--fake-answer", ANSWER, "--loads-until", str(loaded)]


@pytest.mark.neovim
@pytest.mark.parametrize(("suite", "ghost"), [("sid", "builtin"), ("trixie", "own")])
def test_neovim_while_the_model_loads(tmp_path: Path, daemon: list[str], loaded: Path, suite: str, ghost: str) -> None:
    path = tmp_path / "file.py"
    path.write_text("rows = []\n", encoding="utf-8")
    editor = Neovim(installed(f"neovim-{suite}", "nvim"), tmp_path / "home", {"cmd": daemon, "ghost": ghost}, [path])

    def shown() -> str:
        return str(editor.nvim.exec_lua("return require('kvlsp').statusline()"))

    try:
        editor.wait(shown, lambda text: text == "kvlsp loading", "a daemon that loads")
        before = editor.daemon()
        editor.keys("ototal = ")
        editor.nvim.command("Kvlsp restart")
        editor.wait(editor.daemon, lambda process: process not in (0, before), "a new daemon")
        editor.wait(shown, lambda text: text == "kvlsp loading", "a new daemon that loads")
        assert editor.ghost() == ""
        editor.keys("1 + ")
        loaded.touch()
        editor.wait_ready()
        assert editor.wait_ghost() == ANSWER, "without another key"
        editor.keys("<Tab>")
        editor.wait(editor.text, lambda text: text == f"rows = []\ntotal = 1 + {ANSWER}\n")
        editor.check_same_text()
    finally:
        editor.close()


@pytest.fixture
def vscode(tmp_path: Path, daemon: list[str]) -> Iterator[VSCode]:
    editor = VSCode(installed("vscode", "code-server"), tmp_path / "vscode")
    editor.tapped = TappedServer(tmp_path / "tap", daemon)
    editor.change_settings({"kvlsp.server.command": editor.tapped.command})
    try:
        yield editor
    finally:
        editor.close()


@pytest.mark.vscode
@pytest.mark.timeout(600)
def test_vs_code_while_the_model_loads(vscode: VSCode, loaded: Path) -> None:
    server = vscode.tapped
    assert server is not None
    path = vscode.write("file.py", "rows = []\n")
    vscode.load()
    vscode.open("file.py")
    vscode.wait(lambda: server.messages("textDocument/didOpen"), what="didOpen", patience=240)
    assert "(sync " in vscode.status()
    before = server.pid()
    vscode.press("Control+End")
    vscode.type("total = ")
    vscode.command("Restart the Daemon")
    vscode.wait(server.pid, lambda pid: pid != before, "a new daemon")
    vscode.wait(vscode.status, lambda text: "(sync " in text, "a new daemon that loads")
    assert vscode.ghost() == ""
    loaded.touch()
    vscode.wait_ready()
    vscode.type("1 + ")
    assert vscode.wait_ghost() == ANSWER
    vscode.press("Tab")
    content = vscode.save("file.py")
    assert content.decode() == f"rows = []\ntotal = 1 + {ANSWER}"
    server.check_same_text(path, content)
