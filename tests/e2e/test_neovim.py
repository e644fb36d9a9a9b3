"""Real Neovim, 0.12 with its own inline completion and 0.10 with the plugin's, against fixed answers.

What must appear is known here to the letter; :mod:`tests.e2e.test_neovim_model` drives the real daemon.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pynvim", reason="pynvim drives Neovim: pip install pynvim")

from tests.e2e.support.editors import FIXED_SERVER, installed
from tests.e2e.support.neovim import Neovim

pytestmark = pytest.mark.neovim

ANSWER = "total = sum(rows) / count\nprint(total)"

Start = Callable[..., Neovim]


@pytest.fixture(params=["sid-builtin", "sid-own", "trixie-own"])
def flavour(request: pytest.FixtureRequest) -> tuple[Path, str]:
    """A Neovim and which module draws."""
    suite, ghost = request.param.split("-")
    return installed(f"neovim-{suite}", "nvim"), ghost


@pytest.fixture
def start(flavour: tuple[Path, str], tmp_path: Path) -> Iterator[Start]:
    """Starts an editor on a file with this content, with a server that gives these answers."""
    running: list[Neovim] = []

    def start(content: bytes | str, *answers: str, name: str = "file.py",
              options: dict[str, Any] | None = None, server: Sequence[str] = ()) -> Neovim:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        command = [sys.executable, str(FIXED_SERVER), *(answers or (ANSWER,)), "--log", str(tmp_path / "wire"),
                   *server]
        editor = Neovim(flavour[0], tmp_path / f"home{len(running)}",
                        {"cmd": command, "ghost": flavour[1], **(options or {})}, [path])
        running.append(editor)
        if "cmd" not in (options or {}):
            editor.wait_ready()
        return editor

    yield start
    for editor in running:
        editor.close()


@pytest.fixture
def wire(tmp_path: Path) -> Callable[[str], list[dict[str, Any]]]:
    """The parameters of the messages of a method that the server got."""

    def wire(method: str) -> list[dict[str, Any]]:
        lines = (tmp_path / "wire").read_text(encoding="utf-8").splitlines()
        return [entry["params"] for entry in map(json.loads, lines) if entry["method"] == method]

    return wire


def commands(wire: Callable[[str], list[dict[str, Any]]]) -> list[str]:
    return [params["command"] for params in wire("workspace/executeCommand")]


def settings(wire: Callable[[str], list[dict[str, Any]]]) -> dict[str, Any]:
    """The daemon's settings as last sent."""
    sent = wire("workspace/didChangeConfiguration")
    return dict(sent[-1]["settings"]["kvlsp"]) if sent else {}


def test_ghost_text_appears_and_is_accepted_as_a_whole(start: Start, wire: Any) -> None:
    editor = start("rows = [1]\n")
    editor.keys("o")
    assert editor.wait_ghost() == ANSWER
    assert editor.text() == "rows = [1]\n\n", "ghost text must not be in the buffer"
    editor.keys("<Tab>")
    editor.wait(editor.text, lambda text: text == f"rows = [1]\n{ANSWER}\n")
    assert tuple(editor.nvim.current.window.cursor) == (3, len("print(total)"))
    editor.check_same_text()
    editor.wait(lambda: commands(wire), lambda sent: sent == ["kvlsp.accepted"], "one report of the acceptance")


def test_tab_is_a_tab_without_a_suggestion(start: Start) -> None:
    editor = start("", name="notes.txt", options={"settings": {"enable": False}})
    editor.keys("ix<Tab>y<Esc>")
    editor.wait(editor.text, lambda text: text == "x\ty\n")


def test_accepts_word_by_word_and_line_by_line(start: Start, wire: Any) -> None:
    editor = start("")
    editor.keys("i")
    editor.wait_ghost()
    editor.keys("<C-l>")
    editor.wait(editor.text, lambda text: text.startswith("total"))
    assert editor.wait_ghost(lambda ghost: ghost.startswith(" = sum")) == ANSWER.removeprefix("total")
    editor.keys("<C-j>")
    editor.wait(editor.text, lambda text: text.startswith("total = sum(rows) / count"))
    editor.wait_ghost(lambda ghost: "print" in ghost)
    editor.keys("<C-j>")
    editor.wait(editor.text, lambda text: text == ANSWER + "\n")
    editor.check_same_text()
    lengths = [params["acceptedLength"] for params in wire("textDocument/didPartiallyAcceptCompletion")]
    assert lengths, "the daemon was not told of the partial acceptance"
    assert lengths[0] == len("total")


def test_typing_through_and_accepting_at_once_doubles_nothing(start: Start) -> None:
    """Neovim 0.12's own accept does (neovim #36529)."""
    editor = start("")
    editor.keys("i")
    editor.wait_ghost()
    editor.keys("total<Tab>")
    editor.wait(editor.text, lambda text: text == ANSWER + "\n")
    editor.check_same_text()


def test_typing_something_else_takes_the_suggestion_away(start: Start) -> None:
    editor = start("")
    editor.keys("i")
    editor.wait_ghost()
    editor.keys("zebra<Tab><Esc>")
    text = editor.text()
    assert text.startswith("zebra")
    assert "total = sum(rows) / count\nprint(total)" not in text.removeprefix("zebra"), "a stale item was accepted"


def test_dismissed_suggestion_is_gone_and_reported(start: Start, wire: Any) -> None:
    editor = start("")
    editor.keys("i")
    editor.wait_ghost()
    editor.keys("<C-e>")
    editor.wait(editor.ghost, lambda ghost: ghost == "", "no ghost text")
    assert editor.text() == "\n"
    editor.wait(lambda: commands(wire), lambda sent: sent == ["kvlsp.rejected"])


def test_cycles_through_several(start: Start) -> None:
    editor = start("", "first()", "second()")
    editor.keys("i")
    assert editor.wait_ghost().startswith("first()")
    editor.keys("<M-]>")
    editor.wait_ghost(lambda ghost: ghost.startswith("second()"))
    editor.keys("<Tab>")
    editor.wait(editor.text, lambda text: text == "second()\n")


def test_explicit_request_says_so(start: Start, wire: Any) -> None:
    editor = start("")
    editor.keys("i")
    editor.wait_ghost()
    editor.keys("<M-\\>")
    editor.wait(lambda: [params["context"]["triggerKind"] for params in wire("textDocument/inlineCompletion")],
                lambda kinds: kinds[-1] == 1)


def test_what_missed_the_daemons_deadline_is_shown_when_it_is_done(start: Start, wire: Any) -> None:
    editor = start("", server=["--late", "0.3"])
    editor.keys("i")
    assert editor.wait_ghost() == ANSWER
    kinds = [params["context"]["triggerKind"] for params in wire("textDocument/inlineCompletion")]
    assert kinds == [2, 2], "asked twice, and not as if the user had asked"


def test_a_slow_model_is_asked_until_it_is_done_but_not_for_ever(start: Start, wire: Any) -> None:
    editor = start("", server=["--late", "0.1", "--times", "4"])
    editor.keys("i")
    assert editor.wait_ghost() == ANSWER
    assert len(wire("textDocument/inlineCompletion")) == 5


def test_a_model_that_is_never_done_is_given_up_until_the_next_key(start: Start, wire: Any) -> None:
    editor = start("", server=["--late", "0.02", "--times", "1000"])
    editor.keys("i")

    def asked() -> int:
        return len(wire("textDocument/inlineCompletion"))

    editor.wait(asked, lambda count: count == 11)
    time.sleep(1)
    assert asked() == 11
    editor.keys("x")
    editor.wait(asked, lambda count: count > 12)


def test_more_lines_follow_the_first_ones(start: Start, wire: Any) -> None:
    editor = start("", server=["--more", "0.5"])
    editor.keys("i")
    assert editor.wait_ghost() == ANSWER.partition("\n")[0]
    editor.wait(editor.ghost, lambda ghost: ghost == ANSWER)
    kinds = [params["context"]["triggerKind"] for params in wire("textDocument/inlineCompletion")]
    assert kinds == [2, 2], "asked twice, and not as if the user had asked"


def test_undo_takes_the_accepted_text_back(start: Start) -> None:
    editor = start("rows\n")
    editor.keys("o")
    editor.wait_ghost()
    editor.keys("<Tab>")
    editor.wait(editor.text, lambda text: "print(total)" in text)
    editor.keys("<Esc>u")
    editor.wait(editor.text, lambda text: text == "rows\n")
    editor.check_same_text()
    editor.keys("<C-r>")
    editor.wait(editor.text, lambda text: "print(total)" in text)
    editor.check_same_text()


@pytest.mark.parametrize(("content", "keys", "after"), [
    ("a\r\nb\r\n", "o", f"a\r\n{ANSWER}\nb\r\n".replace("\n", "\r\n").replace("\r\r", "\r")),
    ("x = '😀🇩🇪é'  # z\n", "A", f"x = '😀🇩🇪é'  # z{ANSWER}\n"),
    ("a\fb\u2028c\n\fd\n", "jo", f"a\fb\u2028c\n\fd\n{ANSWER}\n"),
], ids=["CRLF", "emoji before the caret", "form feed and line separator"])
def test_nasty_text_stays_as_it_is(start: Start, content: str, keys: str, after: str) -> None:
    editor = start(content)
    editor.keys(keys)
    editor.wait_ghost()
    editor.check_same_text()
    editor.keys("<Tab>")
    editor.wait(editor.text, lambda text: text == after)
    editor.check_same_text()


def test_without_a_line_end_at_the_end_the_lines_are_the_same_all_the_time(start: Start, tmp_path: Path) -> None:
    editor = start("a = 1\nb = 2")
    for keys in (":write<CR>", "Goc = 3<Esc>", ":write<CR>", "ggx", "Gdd", "GA<CR>d<Esc>", "u", "ggyyGp", ":edit!<CR>",
                 "Gdd", ":write<CR>", "ob<Esc>", ":%delete<CR>", "ix<Esc>"):
        editor.keys(keys)
        editor.check_same_lines()
    assert (tmp_path / "file.py").read_bytes() == b"a = 1\nb = 2\n"


def test_edit_above_while_a_suggestion_shows(start: Start) -> None:
    editor = start("one\ntwo\n")
    editor.keys("Go")
    editor.wait_ghost()
    editor.nvim.current.buffer[0:1] = ["zero", "half", "one"]
    editor.check_same_text()
    editor.keys("t")
    editor.wait_ghost(lambda ghost: ghost.startswith("otal"))
    editor.keys("<Tab>")
    editor.wait(editor.text, lambda text: text == f"zero\nhalf\none\ntwo\n{ANSWER}\n")
    editor.check_same_text()


def test_switching_buffers_leaves_no_ghost_behind(start: Start, tmp_path: Path) -> None:
    editor = start("one\n")
    other = tmp_path / "other.py"
    other.write_text("two\n")
    editor.keys("o")
    editor.wait_ghost()
    editor.keys("<Esc>")
    editor.wait(editor.ghost, lambda ghost: ghost == "")
    editor.open(other)
    editor.keys("o")
    editor.wait_ghost()
    editor.keys("<Tab>")
    editor.wait(editor.text, lambda text: text == f"two\n{ANSWER}\n")
    editor.check_same_text()
    assert editor.nvim.funcs.bufnr("#") != -1
    editor.keys("<Esc>:buffer! #<CR>")
    editor.wait(editor.text, lambda text: text == "one\n\n")
    editor.check_same_text()


def test_killed_daemon_comes_back(start: Start) -> None:
    editor = start("rows\n")
    editor.keys("o")
    editor.wait_ghost()
    editor.keys("<Esc>")
    before = editor.daemon()
    os.kill(before, signal.SIGKILL)
    editor.wait(editor.daemon, lambda process: process not in (0, before), "a new daemon")
    editor.wait_ready()
    editor.keys("o")
    editor.wait_ghost()
    editor.keys("<Tab>")
    editor.wait(editor.text, lambda text: text == f"rows\n\n{ANSWER}\n")
    editor.check_same_text()


def test_restart_brings_a_fresh_daemon(start: Start) -> None:
    editor = start("rows\n")
    before = editor.daemon()
    editor.nvim.command("Kvlsp restart")
    editor.wait(editor.daemon, lambda process: process not in (0, before), "a new daemon")
    editor.keys("o")
    editor.wait_ghost()
    editor.check_same_text()


def test_missing_daemon_is_said_once_and_clearly(start: Start, tmp_path: Path) -> None:
    editor = start("one\n", options={"cmd": ["/nonexistent/kvlsp", "serve"]})
    message = editor.wait_message("was not found")
    assert "/nonexistent/kvlsp" in message
    assert "pip install kvlsp" in message
    assert ":checkhealth kvlsp" in message
    other = tmp_path / "other.py"
    other.write_text("two\n")
    editor.open(other)
    editor.keys("ohello<Esc>")
    assert editor.text() == "two\nhello\n"
    assert sum("was not found" in text for text in editor.messages()) == 1


def test_toggle_changes_the_daemons_settings_live(start: Start, wire: Any) -> None:
    editor = start("")
    editor.keys("i")
    editor.wait_ghost()
    editor.keys("<Esc>")
    editor.nvim.command("Kvlsp toggle")
    editor.wait(lambda: settings(wire), lambda sent: sent.get("enable") is False)
    editor.keys("ix")
    asked = len(wire("textDocument/inlineCompletion"))
    editor.wait(lambda: len(wire("textDocument/inlineCompletion")), lambda count: count > asked)
    editor.check_same_text()
    assert editor.ghost() == ""
    editor.nvim.command("Kvlsp toggle")
    editor.keys("y")
    editor.wait_ghost()


def test_a_pause_is_the_daemons(start: Start, wire: Any) -> None:
    editor = start("")
    for command, said in (("pause 5", "paused for 5 minutes"), ("pause", "paused for 10 minutes"),
                          ("pause 0", "paused until :Kvlsp resume"), ("resume", "on"),
                          ("pause soon", "a pause takes a number of minutes, not soon")):
        editor.nvim.command(f"Kvlsp {command}")
        assert editor.wait_message(said)
    sent = [(params["command"], params["arguments"]) for params in wire("workspace/executeCommand")]
    assert sent == [("kvlsp.pause", [5]), ("kvlsp.pause", [10]), ("kvlsp.pause", [0]), ("kvlsp.resume", [])]


def test_language_is_switched_off_and_on(start: Start, wire: Any) -> None:
    editor = start("")
    editor.nvim.command("Kvlsp toggle-language")
    assert editor.wait_message("off for python")
    editor.wait(lambda: settings(wire), lambda sent: sent.get("disabledLanguages") == ["python"])
    assert editor.nvim.exec_lua("return require('kvlsp').statusline()") == "kvlsp off"
    editor.nvim.command("Kvlsp toggle-language")
    editor.wait(lambda: settings(wire), lambda sent: sent.get("disabledLanguages") == [])
    assert editor.nvim.exec_lua("return require('kvlsp').statusline()") == "kvlsp"


def test_settings_of_the_daemon_travel_with_initialize(start: Start, wire: Any) -> None:
    start("", options={"settings": {"maxLines": 3}})
    assert wire("initialize")[0]["initializationOptions"] == {"maxLines": 3, "asksAgain": True, "status": True}


def test_health_status_statistics_and_help(start: Start) -> None:
    editor = start("one\n")
    editor.nvim.command("Kvlsp status")
    assert "fixed answers" in editor.wait_message("ready")
    assert editor.nvim.exec_lua("return require('kvlsp').statusline()") == "kvlsp"
    editor.nvim.command("Kvlsp statistics")
    editor.wait(editor.screen, lambda screen: "requests: 0" in screen)
    editor.nvim.command("close")
    editor.nvim.command("checkhealth kvlsp")
    report = "\n".join(editor.nvim.current.buffer[:])
    assert "client 1" in report
    assert "ERROR" not in report, report
    editor.save_screen("neovim-checkhealth")
    editor.nvim.command(f"helptags {Path(__file__).parents[2]}/editors/nvim/doc")
    editor.nvim.command("help kvlsp")
    assert editor.nvim.current.buffer.name.endswith("kvlsp.txt")


def test_status_tells_what_is_wrong_with_the_workspace(start: Start) -> None:
    editor = start("", server=["--problem", "The folder x is gone."])
    assert editor.status() == ["kvlsp: ready: fixed answers", "problem: The folder x is gone."]
    editor.keys("i")
    editor.wait_ghost()
    editor.nvim.command("Kvlsp status")
    editor.wait_message("The folder x is gone.")


def test_two_editors_at_once(start: Start) -> None:
    first, second = start("one\n", name="a.py"), start("two\n", name="b.py")
    for editor in (first, second):
        editor.keys("o")
    for editor, expected in ((first, f"one\n{ANSWER}\n"), (second, f"two\n{ANSWER}\n")):
        editor.wait_ghost()
        editor.keys("<Tab>")
        editor.wait(editor.text, expected.__eq__)
        editor.check_same_text()
