"""Real Vim with its language clients, each configured exactly as docs/editors/vim.md says, and the real daemon.

ALE comes from Debian's packages (install-editors); the others are driven where somebody has put them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pyte", reason="pyte shows what a terminal shows: pip install pyte")

from tests.e2e.support.editors import editors_folder, installed
from tests.e2e.support.recipes import NAME, SUGGESTED, Scene, recipe
from tests.e2e.support.terminal import Terminal

pytestmark = [pytest.mark.editors, pytest.mark.timeout(900)]

PLAIN = """set nocompatible noswapfile nobackup shortmess+=I laststatus=2 noautoindent nosmartindent
set ttimeout ttimeoutlen=20
filetype plugin on
"""


def plugin(client: str) -> Path:
    path = editors_folder() / "vim-plugins" / client.rpartition("/")[2]
    if not (path / "plugin").is_dir():
        pytest.skip(f"{path} is absent: put the plugin {client} there")
    return path


def start(scene: Scene, heading: str, plugin: Path) -> Terminal:
    vim = installed("vim", "vim")
    vimrc = scene.home / ".vimrc"
    settings = recipe("vim", "vim", heading)
    vimrc.write_text(f"{PLAIN}set runtimepath^={plugin}\n{settings}", encoding="utf-8")
    terminal = scene.start([str(vim), "-N", "-u", str(vimrc), NAME])
    terminal.wait("class Stack", "the file")
    terminal.press("G", "A")
    scene.ready(terminal)
    return terminal


CLIENTS = {
    # What opens the list, what takes its first entry, and what that leaves behind the dot.
    "ALE": ("", "C-n C-y", "items.values"),  # it takes what stands before the first bracket
    "yegappan/lsp": ("", "C-n C-y", SUGGESTED),
    "vim-lsp": ("C-x C-o", "C-y", SUGGESTED),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_the_entry_is_shown_and_taken(scene: Scene, client: str) -> None:
    opens, takes, taken = CLIENTS[client]
    where = installed("vim", "root/usr/share/vim-ale") if client == "ALE" else plugin(client)
    name = client.replace("/", "-").lower()
    terminal = start(scene, client, where)
    terminal.type("self.")
    terminal.press(*opens.split())
    terminal.wait(f" {taken}", "the entry in the list")
    terminal.save(f"vim-{name}-list")
    terminal.press(*takes.split())
    terminal.wait(f"return self.{taken}", "the entry in the text")
    terminal.press("Enter")
    terminal.type("if item:")
    terminal.press("Enter")
    terminal.type("pass")
    terminal.press("Escape")
    terminal.save(f"vim-{name}-after")
    terminal.type(":w\r")
    scene.saved(terminal, f"self.{taken}\nif item:\npass")
    scene.no_errors("textDocument/completion")
