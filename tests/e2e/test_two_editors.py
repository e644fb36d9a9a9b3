"""VS Code and Neovim, both real, at the same time on the same file, each with its own daemon and the default model.

What one saves the other reloads; after that both daemons hold the file's text.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("pynvim", reason="pynvim drives Neovim: pip install pynvim")

from tests.e2e.support.editors import installed
from tests.e2e.support.neovim import Neovim
from tests.e2e.support.repetitive import BEGUN, functions
from tests.e2e.support.tapped import TappedServer
from tests.e2e.support.vscode import VSCode

pytestmark = [pytest.mark.vscode, pytest.mark.timeout(900)]

DAEMON = [sys.executable, "-m", "kvlsp", "serve"]
NAME = "table.py"


@pytest.fixture
def vscode(tmp_path: Path) -> Iterator[VSCode]:
    editor = VSCode(installed("vscode", "code-server"), tmp_path / "vscode")
    editor.tapped = TappedServer(tmp_path / "tap", DAEMON)
    editor.change_settings({"kvlsp.server.command": editor.tapped.command})
    try:
        editor.write(NAME, functions(6))
        editor.load()
        yield editor
    finally:
        editor.close()


@pytest.fixture
def neovim(tmp_path: Path, vscode: VSCode) -> Iterator[Neovim]:
    assert vscode.tapped is not None
    vscode.open(NAME)
    vscode.wait_connected(vscode.tapped, vscode.folder / NAME)
    vscode.wait_ready()
    editor = Neovim(installed("neovim-sid", "nvim"), tmp_path / "neovim", {"cmd": DAEMON}, [vscode.folder / NAME])
    try:
        editor.nvim.command("set autoread indentexpr= noautoindent nosmartindent")
        yield editor
    finally:
        editor.close()


def test_vs_code_and_neovim_on_one_file(vscode: VSCode, neovim: Neovim) -> None:
    path, server = vscode.folder / NAME, vscode.tapped
    assert server is not None
    neovim.wait_ready()
    assert server.pid() != neovim.daemon()

    neovim.keys("Go")
    in_neovim = neovim.type_until_ghost(BEGUN, patience=6)
    vscode.press("Control+End")
    in_vscode = vscode.type_until_ghost(BEGUN, patience=6)
    assert neovim.ghost() == in_neovim, "what the other editor shows is no affair of this one"
    neovim.check_same_text()

    vscode.press("Tab", "Enter")  # a last line without an end would get one when Neovim writes, untold to its daemon
    saved = vscode.save(NAME)
    assert saved.decode().endswith(f"{in_vscode}\n")
    server.check_same_text(path, saved)
    neovim.keys("<Esc>:edit!<CR>")  # its own changes are given up for the other editor's
    neovim.wait(neovim.text, lambda text: text == saved.decode())
    neovim.check_same_text()

    neovim.keys("Go")
    shown = neovim.type_until_ghost(BEGUN, patience=6)
    before = neovim.text()
    neovim.keys("<Tab>")
    neovim.wait(neovim.text, lambda text: text == before.removesuffix("\n") + shown + "\n", "the accepted text")
    neovim.check_same_text()
    neovim.keys("<Esc>:write<CR>")
    content = neovim.wait(path.read_bytes, lambda content: content == neovim.text().encode(), "the written file")
    vscode.wait(lambda: server.ask("kvlsp/documentState", {"uri": path.as_uri()}),
                lambda state: state["characters"] == len(content.decode()), "the reloaded file in VS Code's daemon")
    server.check_same_text(path, content)
