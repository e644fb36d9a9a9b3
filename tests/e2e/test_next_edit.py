"""Next edits in real editors with the real daemon and the default model: a parameter is renamed at the head of its
function, and one key each makes every use below follow; none outside of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.e2e.support.editors import installed

DAEMON = [sys.executable, "-m", "kvlsp", "serve"]
CONTENT = '''class Inventory:
    def add(self, name, amount):
        if amount <= 0:
            raise ValueError(f"cannot add {amount} of {name}")
        current = self.items.get(name, 0)
        self.items[name] = current + amount
        return self.items[name]

    def remove(self, name, amount):
        self.items[name] = self.items.get(name, 0) - amount
'''


@pytest.mark.neovim
def test_in_neovim_one_key_each_follows_a_parameter_through_its_function(tmp_path: Path) -> None:
    pytest.importorskip("pynvim", reason="pynvim drives Neovim: pip install pynvim")
    from tests.e2e.support.neovim import Neovim

    path = tmp_path / "inventory.py"
    path.write_text(CONTENT)
    editor = Neovim(installed("neovim-sid", "nvim"), tmp_path / "home",
                    {"cmd": DAEMON, "ghost": "own", "settings": {"nextEdit": "on"}}, [path])
    try:
        editor.wait_ready()
        editor.nvim.command("nnoremap <Tab> <Cmd>lua require('kvlsp').next_edit()<CR>")
        editor.keys("2G$F,wciwquantity<Esc>")

        def lines() -> str:
            """The new lines that are drawn."""
            return str(editor.nvim.exec_lua("""
                local found = {}
                local namespace = vim.api.nvim_get_namespaces()['kvlsp.next']
                for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })) do
                  for _, line in ipairs(mark[4].virt_lines or {}) do table.insert(found, line[1][1]) end
                end
                return table.concat(found, '\\n')"""))

        for wanted in ("if quantity <= 0:", "cannot add {quantity} of", "current + quantity"):
            editor.wait(lines, lambda text, wanted=wanted: wanted in text, wanted)
            if wanted.startswith("if"):
                editor.save_screen("neovim-next-edit")
            editor.keys("<Tab>")
            editor.wait(editor.text, lambda text, wanted=wanted: wanted in text)
        expected = CONTENT.split("    def remove")[0].replace("amount", "quantity") + "    def remove" + (
            CONTENT.split("    def remove")[1])
        editor.wait(editor.text, expected.__eq__)
        editor.keys("<Tab><Tab>")
        editor.check_same_text()
        assert editor.text() == expected
    finally:
        editor.close()


@pytest.mark.vscode
def test_in_vs_code_tab_each_follows_a_parameter_through_its_function(tmp_path: Path) -> None:
    from tests.e2e.support.tapped import TappedServer
    from tests.e2e.support.vscode import VSCode

    editor = VSCode(installed("vscode", "code-server"), tmp_path)
    editor.tapped = server = TappedServer(tmp_path / "tap", DAEMON)
    editor.change_settings({"kvlsp.server.command": server.command, "kvlsp.nextEdit": "on", "kvlsp.automatic": False})
    content = CONTENT.replace("class Inventory:\n", "").replace("\n    ", "\n").removeprefix("    ")

    def drawn() -> str:
        """What decorations put behind the text."""
        return str(editor.evaluate("""() => [...document.querySelectorAll('.view-lines span')]
            .map(e => getComputedStyle(e, '::after').content).filter(c => c && c !== 'none' && c !== 'normal')
            .join('|')"""))

    try:
        editor.load()
        path = editor.write("inventory.py", content)
        editor.open("inventory.py")
        editor.wait_connected(server, path)
        editor.wait_ready()
        editor.press("Control+Home", *["ArrowRight"] * len("def add(self, name, "))
        editor.press("Control+Delete")
        editor.type("quantity")
        for wanted in ("if quantity <= 0:", "cannot add {quantity} of", "current + quantity"):
            editor.wait(drawn, lambda text, wanted=wanted: wanted in text.replace("\\\\", ""), wanted)
            if wanted.startswith("if"):
                editor.screenshot("vscode-next-edit")
            editor.press("Tab")
        head, tail = content.split("def remove")
        expected = head.replace("amount", "quantity") + "def remove" + tail
        editor.wait(lambda: editor.save("inventory.py").decode(), expected.__eq__, "the whole function")
        server.check_same_text(path, path.read_bytes())
    finally:
        editor.close()
