"""Real VS Code with the packaged extension against fixed answers: what must appear is known to the letter.

One VS Code for all tests (it takes ten seconds to come up); each test has its own file.
:mod:`tests.e2e.test_vscode_model` drives the real daemon.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.support.editors import FIXED_SERVER, installed
from tests.e2e.support.tapped import TappedServer
from tests.e2e.support.vscode import VSCode

pytestmark = pytest.mark.vscode

ANSWER = "total = sum(rows) / count\nprint(total)"

Serve = Callable[..., TappedServer]


@pytest.fixture(scope="module")
def vscode(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VSCode]:
    root = tmp_path_factory.mktemp("vscode")
    editor = VSCode(installed("vscode", "code-server"), root)
    first = TappedServer(root / "tap", [sys.executable, str(FIXED_SERVER), ANSWER])
    editor.change_settings({"kvlsp.server.command": first.command})
    editor.tapped = first
    try:
        editor.load()
        yield editor
    finally:
        editor.close()


@pytest.fixture
def serve(vscode: VSCode, tmp_path: Path) -> Iterator[Serve]:
    """Opens a file with this content; with answers, a fresh server that gives them."""
    usual = vscode.tapped
    assert usual is not None

    def serve(name: str, content: bytes | str, *answers: str, options: tuple[str, ...] = ()) -> TappedServer:
        path = vscode.write(name, content)
        server = usual
        if answers or options:
            server = TappedServer(tmp_path / "tap", [sys.executable, str(FIXED_SERVER), *answers, *options])
            vscode.change_settings({"kvlsp.server.command": server.command})
            vscode.wait(server.pid, what="the new server")
        vscode.open(name)
        vscode.wait_connected(server, path)
        return server

    yield serve
    vscode.press("Escape")
    vscode.change_settings({"kvlsp.server.command": usual.command, "kvlsp.enable": None,
                            "kvlsp.disabledLanguages": None})


def check(vscode: VSCode, server: TappedServer, name: str, expected: str) -> None:
    """The buffer is as expected, and the daemon's text is the buffer's."""
    content = vscode.save(name)
    assert content.decode() == expected
    server.check_same_text(vscode.folder / name, content)


def test_ghost_text_appears_and_is_accepted_as_a_whole(vscode: VSCode, serve: Serve) -> None:
    server = serve("whole.py", "rows = [1]\n")
    vscode.press("Control+End")
    vscode.type("x")
    vscode.wait_ghost(lambda ghost: ghost == ANSWER)
    vscode.screenshot("ghost-multi-line")
    vscode.press("Tab")
    vscode.wait(lambda: server.messages("workspace/executeCommand"), what="the report of the acceptance")
    assert server.messages("workspace/executeCommand")[-1]["command"] == "kvlsp.accepted"
    check(vscode, server, "whole.py", f"rows = [1]\nx{ANSWER}")


def test_accepts_word_by_word_and_line_by_line(vscode: VSCode, serve: Serve) -> None:
    server = serve("words.py", "\n")
    vscode.press("Control+End")
    vscode.type("t")
    vscode.wait_ghost(lambda ghost: ghost == ANSWER[1:])
    vscode.press("Control+ArrowRight")
    vscode.wait_ghost(lambda ghost: ghost.startswith(" = sum"))
    vscode.press("Control+Alt+l")
    vscode.wait_ghost(lambda ghost: ghost.lstrip("\n").startswith("print"))
    vscode.press("Tab")
    check(vscode, server, "words.py", f"\n{ANSWER}")


def test_typing_through_only_shortens(vscode: VSCode, serve: Serve) -> None:
    server = serve("through.py", "\n")
    vscode.press("Control+End")
    vscode.type("t")
    vscode.wait_ghost()
    vscode.type("otal = ", delay=60)
    vscode.wait_ghost(lambda ghost: ghost == ANSWER.removeprefix("total = "))
    vscode.press("Tab")
    check(vscode, server, "through.py", f"\n{ANSWER}")


def test_dismissed_suggestion_is_gone(vscode: VSCode, serve: Serve) -> None:
    server = serve("dismiss.py", "\n")
    vscode.press("Control+End")
    vscode.type("t")
    vscode.wait_ghost()
    vscode.press("Escape")
    vscode.wait(vscode.ghost, lambda ghost: ghost == "", "no ghost text")
    check(vscode, server, "dismiss.py", "\nt")


def test_cycles_through_several(vscode: VSCode, serve: Serve) -> None:
    server = serve("cycle.py", "rows = [3, 1, 2]\n", "total = sum(rows)", "total = max(rows)")
    vscode.press("Control+End")
    vscode.type("to")
    vscode.wait_ghost(lambda ghost: ghost == "tal = sum(rows)")
    vscode.screenshot("ghost-single-line")
    vscode.press("Alt+BracketRight")
    vscode.wait_ghost(lambda ghost: ghost == "tal = max(rows)")
    vscode.press("Tab")
    check(vscode, server, "cycle.py", "rows = [3, 1, 2]\ntotal = max(rows)")
    kinds = [params["context"]["triggerKind"] for params in server.messages("textDocument/inlineCompletion")]
    assert kinds[0] == 2
    assert 1 in kinds, "cycling is an explicit request"


def test_undo_takes_the_accepted_text_back(vscode: VSCode, serve: Serve) -> None:
    server = serve("undo.py", "rows\n")
    vscode.press("Control+End")
    vscode.type("x")
    vscode.wait_ghost()
    vscode.press("Tab")
    check(vscode, server, "undo.py", f"rows\nx{ANSWER}")
    vscode.press("Control+z")
    check(vscode, server, "undo.py", "rows\nx")
    vscode.press("Control+y")
    check(vscode, server, "undo.py", f"rows\nx{ANSWER}")


@pytest.mark.parametrize(("name", "content", "expected"), [
    ("crlf.py", "a\r\nb\r\n", f"a\r\nb\r\nx{ANSWER}".replace(ANSWER, ANSWER.replace("\n", "\r\n"))),
    ("emoji.py", "x = '😀🇩🇪é'  # ", f"x = '😀🇩🇪é'  # x{ANSWER}"),
    ("feed.py", "a\fb\u2028c\n\fd\u0085\n", f"a\fb\u2028c\n\fd\u0085\nx{ANSWER}"),
])
def test_nasty_text_stays_as_it_is(vscode: VSCode, serve: Serve, name: str, content: str, expected: str) -> None:
    server = serve(name, content)
    vscode.press("Control+End")
    vscode.type("x")
    vscode.wait_ghost()
    vscode.press("Tab")
    check(vscode, server, name, expected)


def test_edit_above_while_a_suggestion_shows(vscode: VSCode, serve: Serve) -> None:
    server = serve("above.py", "one\ntwo\n")
    vscode.press("Control+End")
    vscode.type("t")
    vscode.wait_ghost()
    vscode.press("Control+Home")
    vscode.type("zero\n")
    vscode.press("Control+End")
    vscode.type("o")
    vscode.wait_ghost(lambda ghost: ghost == ANSWER[2:])
    vscode.press("Tab")
    check(vscode, server, "above.py", f"zero\none\ntwo\n{ANSWER}")


def test_switching_files_keeps_the_texts_apart(vscode: VSCode, serve: Serve) -> None:
    serve("left.py", "left\n")
    vscode.press("Control+End")
    vscode.type("x")
    vscode.wait_ghost()
    server = serve("right.py", "right\n")
    vscode.wait(vscode.ghost, lambda ghost: ghost == "", "no ghost text in the other file")
    vscode.press("Control+End")
    vscode.type("y")
    vscode.wait_ghost()
    vscode.press("Tab")
    check(vscode, server, "right.py", f"right\ny{ANSWER}")
    vscode.open("left.py")
    check(vscode, server, "left.py", "left\nx")


def test_goes_on_from_the_entry_of_the_open_suggest_list(vscode: VSCode, serve: Serve) -> None:
    server = serve("list.txt", "totality of rows\n", "(rows)")
    vscode.press("Control+End")
    vscode.type("tot", delay=10)
    vscode.press("Control+Space")
    vscode.wait(lambda: vscode.evaluate("() => !!document.querySelector('.suggest-widget.visible .monaco-list-row')"),
                what="the suggest list")
    vscode.wait(lambda: [params["context"].get("selectedCompletionInfo")
                         for params in server.messages("textDocument/inlineCompletion")],
                lambda seen: any(info and info["text"] == "totality" for info in seen),
                "a request that names the selected entry")
    vscode.wait_ghost(lambda ghost: ghost == "ality(rows)")
    vscode.screenshot("suggest-list")
    vscode.press("Escape", "Escape")
    check(vscode, server, "list.txt", "totality of rows\ntot")


def test_late_suggestion_is_shown_after_all(vscode: VSCode, serve: Serve) -> None:
    """VS Code drops an answer that comes 750 ms after a key in a word, and does not ask again."""
    server = serve("late.py", "\n", "total = 1", options=("--delay", "1.2"))
    vscode.press("Control+End")
    vscode.type("tot", delay=10)
    vscode.wait_ghost(lambda ghost: ghost == "al = 1")
    vscode.press("Tab")
    check(vscode, server, "late.py", "\ntotal = 1")


def test_what_missed_the_daemons_deadline_is_shown_when_it_is_done(vscode: VSCode, serve: Serve) -> None:
    server = serve("deadline.py", "\n", ANSWER, options=("--late", "0.3"))
    vscode.press("Control+End")
    vscode.type("t")
    vscode.wait_ghost(lambda ghost: ghost == ANSWER[1:])
    kinds = [params["context"]["triggerKind"] for params in server.messages("textDocument/inlineCompletion")]
    assert kinds == [2, 2], "asked twice, and not as if the user had asked"
    vscode.press("Tab")
    check(vscode, server, "deadline.py", f"\n{ANSWER}")


def test_killed_daemon_comes_back(vscode: VSCode, serve: Serve) -> None:
    server = serve("killed.py", "\n", ANSWER)
    vscode.press("Control+End")
    vscode.type("t")
    vscode.wait_ghost()
    before = server.pid()
    os.kill(before, signal.SIGKILL)
    vscode.wait(server.pid, lambda pid: pid != before, "a new daemon")
    vscode.wait_ready()
    vscode.type("o")
    vscode.wait_ghost(lambda ghost: ghost == ANSWER[2:])
    vscode.press("Tab")
    check(vscode, server, "killed.py", f"\n{ANSWER}")


def test_missing_daemon_is_said_with_what_to_do(vscode: VSCode, serve: Serve) -> None:
    serve("missing.py", "\n")
    vscode.change_settings({"kvlsp.server.command": ["/nonexistent/kvlsp", "serve"]})
    message = vscode.wait(vscode.notifications, lambda texts: any("/nonexistent/kvlsp" in text for text in texts))
    assert any("cannot be run" in text for text in message)
    buttons = vscode.evaluate("() => [...document.querySelectorAll('.notification-list-item .monaco-button')]"
                              ".map(e => e.textContent)")
    assert {"Install", "Settings", "Show Log"} <= set(buttons)
    assert "(error)" in vscode.status()
    vscode.screenshot("daemon-missing")
    vscode.command("Notifications: Clear All Notifications")


def test_switched_off_and_on_live(vscode: VSCode, serve: Serve) -> None:
    server = serve("live.py", "\n")
    vscode.change_settings({"kvlsp.enable": False})
    vscode.wait(lambda: server.messages("workspace/didChangeConfiguration"),
                lambda sent: bool(sent) and sent[-1]["settings"]["kvlsp"]["enable"] is False)
    vscode.wait(vscode.status, lambda text: "(circle-slash)" in text)
    vscode.press("Control+End")
    vscode.type("t")
    vscode.wait(lambda: server.messages("textDocument/inlineCompletion"), lambda sent: bool(sent))
    time.sleep(0.5)  # nothing may appear: there is no event to wait for
    assert vscode.ghost() == ""
    vscode.change_settings({"kvlsp.enable": True})
    vscode.wait(vscode.status, lambda text: "(sparkle)" in text)
    vscode.type("o")
    vscode.wait_ghost(lambda ghost: ghost == ANSWER[2:])
    vscode.press("Escape")
    check(vscode, server, "live.py", "\nto")


def test_language_is_switched_off_by_command(vscode: VSCode, serve: Serve) -> None:
    server = serve("language.py", "\n")
    vscode.command("Switch Suggestions Off or On for This Language")
    vscode.wait(lambda: server.messages("workspace/didChangeConfiguration"),
                lambda sent: bool(sent) and sent[-1]["settings"]["kvlsp"]["disabledLanguages"] == ["python"])
    vscode.wait(vscode.status, lambda text: "(circle-slash)" in text)
    vscode.command("Switch Suggestions Off or On for This Language")
    vscode.wait(vscode.status, lambda text: "(sparkle)" in text)


def test_status_hover_and_statistics(vscode: VSCode, serve: Serve) -> None:
    serve("hover.py", "\n", ANSWER, options=("--problem", "The folder x is *gone*."))
    vscode.do("hover", selector="[id*='kvlsp.status']")
    text = vscode.wait(lambda: vscode.evaluate("() => document.querySelector('.workbench-hover')?.textContent ?? ''"))
    assert "kvlsp: ready" in text
    assert "The folder x is *gone*." in text.replace("\xa0", " ")
    vscode.screenshot("status-hover-fixed")
    vscode.command("kvlsp: Show Statistics")
    vscode.wait(lambda: str(vscode.evaluate(
        "() => document.querySelector('.editor-group-container.active .view-lines')?.textContent ?? ''")),
        lambda text: '"requests"' in text)
