"""Another model is chosen in real editors, from the list that the daemon makes, and what is open goes on with it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("pynvim", reason="pynvim drives Neovim: pip install pynvim")

from kvlsp import default_model
from tests.e2e.support.editors import installed
from tests.e2e.support.neovim import LOADING, Neovim
from tests.e2e.support.repetitive import BEGUN, functions
from tests.e2e.support.tapped import TappedServer
from tests.e2e.support.vscode import VSCode

DAEMON = [sys.executable, "-m", "kvlsp", "serve"]
NAME = "owner/other"


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model in the hub's cache that is the default one under another name."""
    repository = tmp_path / "hf" / "hub" / "models--owner--other"
    shutil.copytree(default_model.folder(), repository / "snapshots" / "one")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("one", encoding="utf-8")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "none"))


@pytest.mark.neovim
@pytest.mark.usefixtures("other")
def test_neovim(tmp_path: Path) -> None:
    path = tmp_path / "table.py"
    path.write_text(functions(6), encoding="utf-8")
    editor = Neovim(installed("neovim-sid", "nvim"), tmp_path / "home", {"cmd": DAEMON, "ghost": "own"}, [path])

    def begin() -> None:
        editor.nvim.command("set indentexpr= noautoindent nosmartindent | normal! Gzt")
        editor.keys("o")
        editor.type_until_ghost(BEGUN)
        editor.check_same_text()
        editor.keys("<Esc>")

    def model() -> str:
        return str(editor.language_server("kvlsp/statistics", {})["model"])

    try:
        editor.wait_ready()
        begin()
        assert NAME not in model()
        editor.nvim.command("Kvlsp model")
        editor.wait(editor.screen, lambda screen: "<Enter>" in screen, "the list", 120)
        editor.save_screen("neovim-models")
        editor.keys("2<CR>")
        editor.wait_message(f"{NAME} from now on")
        editor.wait(model, lambda name: NAME in name, "the other model", LOADING)
        begin()
        editor.nvim.command("Kvlsp model default")
        editor.wait(model, lambda name: NAME not in name, "the default model", LOADING)
        begin()
    finally:
        editor.close()


@pytest.mark.vscode
@pytest.mark.usefixtures("other")
def test_vscode(tmp_path: Path) -> None:
    editor = VSCode(installed("vscode", "code-server"), tmp_path / "vscode")
    server = TappedServer(tmp_path / "tap", DAEMON)
    editor.change_settings({"kvlsp.server.command": server.command})

    def rows() -> list[str]:
        return list(editor.evaluate(
            "() => [...document.querySelectorAll('.quick-input-list .monaco-list-row .label-name')]"
            ".map(e => e.textContent)"))

    def model() -> str:
        return str(server.ask("kvlsp/statistics", {})["model"])

    try:
        editor.load()
        path = editor.write("table.py", functions(6))
        editor.open("table.py")
        editor.wait_connected(server, path)
        editor.wait_ready()
        editor.press("Control+End")
        editor.type_until_ghost(BEGUN)
        editor.press("Escape")
        editor.command("kvlsp: Choose a Model")
        editor.wait(rows, lambda rows: any(NAME in row for row in rows), "the list", LOADING)
        editor.screenshot("models")
        editor.type(NAME)
        editor.wait(rows, lambda rows: NAME in rows[0], "the one entry")
        editor.press("Enter")
        editor.wait(model, lambda name: NAME in name, "the other model", LOADING)
        editor.wait_ready()
        editor.press("Enter", "Home")
        editor.type_until_ghost(BEGUN)
        server.check_same_text(path, editor.save("table.py"))
    finally:
        editor.close()
