"""Real Neovim with the real daemon and the default model: what is shown is what gets inserted, and both hold one text.

What the model says is not known here, so the tests compare what is shown with what happens.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pynvim", reason="pynvim drives Neovim: pip install pynvim")

from tests.e2e.support.chromium import Chromium
from tests.e2e.support.editors import installed
from tests.e2e.support.neovim import Neovim
from tests.e2e.support.repetitive import BEGUN, functions

pytestmark = pytest.mark.neovim

DAEMON = [sys.executable, "-m", "kvlsp", "serve"]
CONTENT = functions(6)

Start = Callable[..., Neovim]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts an editor on a file with this content, with the real daemon."""
    running: list[Neovim] = []

    def start(content: str = CONTENT, name: str = "table.py", ghost: str = "own", suite: str = "sid",
              settings: dict[str, Any] | None = None) -> Neovim:
        path = tmp_path / name
        path.write_bytes(content.encode())
        editor = Neovim(installed(f"neovim-{suite}", "nvim"), tmp_path / f"home{len(running)}",
                        {"cmd": DAEMON, "ghost": ghost, "settings": settings or {}}, [path])
        running.append(editor)
        editor.wait_ready()
        return editor

    yield start
    for editor in running:
        editor.close()


def begin(editor: Neovim) -> str:
    """Types the beginning of one more function at the end; the ghost text that comes."""
    editor.nvim.command("set indentexpr= noautoindent nosmartindent | normal! Gzt")
    editor.keys("o")
    return editor.type_until_ghost(BEGUN)


@pytest.mark.parametrize(("suite", "ghost"), [("sid", "builtin"), ("sid", "own"), ("trixie", "own")])
def test_what_is_shown_is_what_gets_inserted(start: Start, suite: str, ghost: str) -> None:
    editor = start(suite=suite, ghost=ghost)
    shown = begin(editor)
    editor.save_screen(f"neovim-{suite}-{ghost}-ghost")
    before = editor.text()
    editor.keys("<Tab>")
    editor.wait(editor.text, lambda text: text == before[:-1] + shown + "\n")
    editor.check_same_text()
    editor.keys("<Esc>u")
    editor.wait(editor.text, lambda text: shown not in text.removeprefix(CONTENT))
    editor.check_same_text()
    statistics = editor.language_server("kvlsp/statistics", {})
    assert statistics["feedback"]["accepted"] == 1


def test_a_saved_text_counts_where_changes_do_not_add_up_to_it(start: Start, tmp_path: Path) -> None:
    """Neovim 0.12.4 tells of two empty lines of which one is deleted as if nothing had been."""
    editor = start("\n\n")
    editor.keys("Gdd:write<CR>")
    editor.wait(lambda: (tmp_path / "table.py").read_bytes(), b"\n".__eq__)
    editor.check_same_text()
    editor.keys("ix<Esc>")
    editor.check_same_text()


def test_word_then_line_then_typing_through(start: Start) -> None:
    editor = start()
    shown = begin(editor)
    before = editor.text()[:-1]
    editor.keys("<C-l>")
    after = editor.wait(editor.text, lambda text: text[:-1] != before)[:-1]
    word = after.removeprefix(before)
    assert shown.startswith(word)
    rest = shown.removeprefix(word)
    if rest:
        editor.wait_ghost(lambda ghost: ghost == rest)
        editor.type(rest[0])
        editor.wait(editor.text, lambda text: text == after + rest[0] + "\n")
        editor.wait(editor.ghost, lambda ghost: ghost == rest[1:] or (not rest[1:] and True))
    editor.check_same_text()


@pytest.mark.parametrize(("name", "content"), [
    ("crlf.py", CONTENT.replace("\n", "\r\n")),
    ("emoji.py", CONTENT.replace("name", "'😀🇩🇪é'")),
    ("feed.py", CONTENT.replace("\n\n\n", "\n\f\n\u2028\n")),
])
def test_nasty_text_stays_one_text(start: Start, name: str, content: str) -> None:
    editor = start(content, name)
    shown = begin(editor)
    editor.check_same_text()
    end = "\r\n" if "\r\n" in content else "\n"
    before = editor.text()
    editor.keys("<Tab>")
    editor.wait(editor.text, lambda text: text == before.removesuffix(end) + shown.replace("\n", end) + end)
    editor.check_same_text()


def test_edits_above_while_a_suggestion_shows(start: Start) -> None:
    editor = start()
    begin(editor)
    for _ in range(20):
        editor.nvim.current.buffer[0:1] = ["# a comment above", "import table"]
    editor.check_same_text()
    editor.keys("<Esc>")
    begin(editor)
    editor.check_same_text()


def test_other_buffers_have_their_own_text(start: Start, tmp_path: Path) -> None:
    editor = start()
    begin(editor)
    editor.keys("<Esc>")
    other = tmp_path / "other.py"
    other.write_text(functions(3), encoding="utf-8")
    editor.nvim.command("set hidden")
    editor.open(other)
    begin(editor)
    editor.check_same_text()
    editor.keys("<Esc>:buffer table.py<CR>")
    editor.wait(lambda: editor.nvim.current.buffer.name, lambda name: name.endswith("table.py"))
    editor.check_same_text()


def test_killed_daemon_comes_back_with_the_text(start: Start) -> None:
    editor = start()
    begin(editor)
    before = editor.daemon()
    os.kill(before, signal.SIGKILL)
    editor.wait(editor.daemon, lambda process: process not in (0, before), "a new daemon")
    editor.wait_ready()
    editor.check_same_text()
    editor.keys("<Esc>")
    begin(editor)
    editor.check_same_text()


def test_switched_off_and_on_live(start: Start) -> None:
    editor = start()
    begin(editor)
    editor.keys("<Esc>")
    editor.nvim.command("Kvlsp toggle-language")
    editor.keys("A_r")
    editor.wait(lambda: editor.language_server("kvlsp/statistics", {})["server"]["empty"].get("disabled", 0),
                what="an empty answer because the language is off")
    assert editor.ghost() == ""
    editor.nvim.command("Kvlsp toggle-language")
    editor.keys("<Esc>")
    begin(editor)
    editor.check_same_text()


def test_two_editors_at_once(start: Start) -> None:
    first, second = start(name="a.py"), start(name="b.py")
    for editor in (first, second):
        begin(editor)
        editor.check_same_text()
    assert first.daemon() != second.daemon()


def test_health_with_the_real_daemon(start: Start) -> None:
    editor = start()
    begin(editor)
    editor.keys("<Esc>")
    editor.nvim.command("checkhealth kvlsp")
    report = "\n".join(editor.nvim.current.buffer[:])
    assert "last request: 1 suggestion(s)" in report
    assert "ERROR" not in report, report
    editor.save_screen("neovim-checkhealth-model")


@pytest.mark.parametrize("suite", ["sid", "trixie"])
def test_inspect_opens_a_page_that_looks_on(start: Start, suite: str) -> None:
    editor = start(suite=suite)
    editor.nvim.exec_lua("vim.ui.open = function(address) vim.g.opened = address end")
    editor.nvim.command("Kvlsp inspect")
    address = editor.wait(lambda: editor.nvim.vars.get("opened", ""), what="an address")
    assert editor.wait_message(f"the page is open at {address}")
    page = Chromium()
    try:
        page.do("open", url=address)
        page.wait(lambda: "all exact" in page.text("#rows"), "a cache that is exact")
        assert page.text("#held") == "table.py"
        editor.keys("Gox")
        page.wait(lambda: "inserted" in page.text("#stroke-title"), "the key")
        assert page.do("complaints") == []
    finally:
        page.close()
