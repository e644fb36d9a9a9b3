"""Real Emacs with lsp-mode and with eglot, each configured exactly as docs/editors/emacs.md says; the real daemon."""

from __future__ import annotations

import pytest

pytest.importorskip("pyte", reason="pyte shows what a terminal shows: pip install pyte")

from tests.e2e.support.editors import installed
from tests.e2e.support.recipes import NAME, SUGGESTED, Scene, recipe
from tests.e2e.support.terminal import Terminal

pytestmark = [pytest.mark.editors, pytest.mark.timeout(900)]

PLAIN = """
(setq inhibit-startup-screen t make-backup-files nil auto-save-default nil create-lockfiles nil lsp-auto-guess-root t
      lsp-warn-no-matched-clients nil lsp-enable-suggest-server-download nil use-short-answers t
      python-indent-guess-indent-offset nil native-comp-jit-compilation nil native-comp-enable-subr-trampolines nil)
(menu-bar-mode -1)
(electric-indent-mode -1)
"""


def start(scene: Scene, heading: str) -> Terminal:
    emacs = installed("emacs", "emacs")
    init = scene.home / "init.el"
    init.write_text(PLAIN + recipe("emacs", "elisp", heading), encoding="utf-8")
    terminal = scene.start([str(emacs), "-nw", "-Q", "-l", str(init), NAME])
    terminal.wait("class Stack", "the file")
    scene.ready(terminal)
    terminal.press("M->", "C-p", "C-e")
    return terminal


def finish(scene: Scene, terminal: Terminal, name: str) -> None:
    """Behind what was taken: Enter breaks the line, behind a colon too; no window has opened beside the text."""
    terminal.wait(f"return self.{SUGGESTED}", "the entry in the text")
    terminal.press("C-e", "Enter")
    terminal.type("if item:")
    terminal.press("Enter")
    terminal.type("pass")
    terminal.press("C-x", "C-s")
    terminal.save(f"emacs-{name}-after")
    scene.saved(terminal, f"self.{SUGGESTED}\nif item:\npass")
    assert "*Warnings*" not in terminal.screen()
    scene.no_errors()


def test_lsp_mode_shows_ghost_text(scene: Scene) -> None:
    terminal = start(scene, "lsp-mode")
    terminal.type("self.")
    terminal.wait(f"return self.{SUGGESTED}", "ghost text")
    terminal.save("emacs-lsp-mode-ghost")
    assert SUGGESTED not in scene.path.read_text()
    terminal.press("C-f")
    finish(scene, terminal, "lsp-mode")


def test_eglot_has_the_entry_in_its_list(scene: Scene) -> None:
    terminal = start(scene, "eglot")
    terminal.type("self.")
    terminal.wait(SUGGESTED, "the entry in the list")
    terminal.save("emacs-eglot-list")
    terminal.press("Enter")  # company's own key for what is chosen
    finish(scene, terminal, "eglot")
