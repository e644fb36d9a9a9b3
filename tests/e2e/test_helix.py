"""Real Helix, configured exactly as docs/editors/helix.md says, and the real daemon."""

from __future__ import annotations

import pytest

pytest.importorskip("pyte", reason="pyte shows what a terminal shows: pip install pyte")

from tests.e2e.support.editors import installed
from tests.e2e.support.recipes import NAME, SUGGESTED, Scene, recipe

pytestmark = [pytest.mark.editors, pytest.mark.timeout(900)]

PLAIN = '[editor]\nauto-pairs = false\ncompletion-timeout = 50\nidle-timeout = 50\n[editor.smart-tab]\nenable = false\n'


def test_the_entry_is_in_the_list(scene: Scene) -> None:
    helix = installed("helix", "hx")
    settings = scene.home / ".config" / "helix"
    settings.mkdir(parents=True)
    (settings / "config.toml").write_text(PLAIN)
    (settings / "languages.toml").write_text(recipe("helix", "toml", "languages.toml"))
    terminal = scene.start([str(helix), "--log", str(scene.home / "helix.log"), NAME])
    terminal.wait("class Stack", "the file")
    scene.ready(terminal)
    terminal.press("g", "e", "A")
    terminal.type("self.")
    terminal.wait(SUGGESTED, "the entry in the list")
    terminal.save("helix-list")
    terminal.press("Tab", "Enter")
    terminal.wait(f"return self.{SUGGESTED}", "the entry in the text")
    terminal.press("Enter")
    terminal.type("if item:")
    terminal.press("Enter")
    terminal.type("pass")
    terminal.press("Escape")
    terminal.save("helix-after")
    terminal.type(":w\r")
    indent = " " * 8  # it keeps a line's indentation
    scene.saved(terminal, f"self.{SUGGESTED}\n{indent}if item:\n{indent}pass")
    scene.no_errors("textDocument/completion")
