"""Real VS Code with the real daemon and the default model, in one VS Code for all tests.

What the model says is not known here, so the tests compare what is shown with what happens; after each the text
that the daemon holds is the buffer's, byte for byte.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.support.editors import installed
from tests.e2e.support.repetitive import BEGUN, functions
from tests.e2e.support.tapped import TappedServer
from tests.e2e.support.vscode import LOADING, VSCode

pytestmark = pytest.mark.vscode

CONTENT = functions(6)


@pytest.fixture(scope="module")
def vscode(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VSCode]:
    root = tmp_path_factory.mktemp("vscode-model")
    editor = VSCode(installed("vscode", "code-server"), root)
    editor.tapped = TappedServer(root / "tap", [sys.executable, "-m", "kvlsp", "serve"])
    editor.change_settings({"kvlsp.server.command": editor.tapped.command})
    try:
        editor.load()
        yield editor
    finally:
        editor.close()


@pytest.fixture
def server(vscode: VSCode) -> TappedServer:
    assert vscode.tapped is not None
    return vscode.tapped


@pytest.fixture
def begin(vscode: VSCode, server: TappedServer) -> Iterator[Callable[..., str]]:
    """Opens a file and types the beginning of one more function at its end; the ghost text that comes."""

    def begin(name: str, content: str = CONTENT) -> str:
        path = vscode.write(name, content)
        vscode.open(name)
        vscode.wait_connected(server, path)
        vscode.wait_ready()
        vscode.press("Control+End")
        return vscode.type_until_ghost(BEGUN)

    yield begin
    vscode.press("Escape")
    vscode.change_settings({"kvlsp.disabledLanguages": None})


def check(vscode: VSCode, server: TappedServer, name: str) -> str:
    """Saves; the daemon's text is the saved one. Returns it."""
    content = vscode.save(name)
    server.check_same_text(vscode.folder / name, content)
    return content.decode()


def test_what_is_shown_is_what_gets_inserted(vscode: VSCode, server: TappedServer, begin: Callable[..., str]) -> None:
    shown = begin("whole.py")
    vscode.screenshot("model-ghost-multi-line" if "\n" in shown else "model-ghost-single-line")
    before = check(vscode, server, "whole.py")
    vscode.wait_ghost(lambda ghost: ghost == shown)
    vscode.press("Tab")
    after = check(vscode, server, "whole.py")
    assert after == before + shown
    vscode.press("Control+z")
    assert check(vscode, server, "whole.py") == before
    vscode.press("Control+y")
    assert check(vscode, server, "whole.py") == after
    assert server.ask("kvlsp/statistics", {})["feedback"]["accepted"] == 1


def test_word_and_typing_through(vscode: VSCode, server: TappedServer, begin: Callable[..., str]) -> None:
    shown = begin("word.py")
    before = check(vscode, server, "word.py")
    vscode.wait_ghost(lambda ghost: ghost == shown)
    vscode.press("Control+ArrowRight")
    after = check(vscode, server, "word.py")
    word = after.removeprefix(before)
    assert word
    assert shown.startswith(word)
    rest = shown.removeprefix(word)
    if rest:
        vscode.type(rest[0])
        assert check(vscode, server, "word.py") == after + rest[0]


def test_dismissed_is_gone(vscode: VSCode, server: TappedServer, begin: Callable[..., str]) -> None:
    begin("dismiss.py")
    vscode.press("Escape")
    vscode.wait(vscode.ghost, lambda ghost: ghost == "")
    check(vscode, server, "dismiss.py")


@pytest.mark.parametrize(("name", "content"), [
    ("crlf.py", CONTENT.replace("\n", "\r\n")),
    ("emoji.py", CONTENT.replace("name", "'😀🇩🇪é'")),
    ("feed.py", CONTENT.replace("\n\n\n", "\n\f\n\u2028\n")),
])
def test_nasty_text_stays_one_text(vscode: VSCode, server: TappedServer, begin: Callable[..., str], name: str,
                                   content: str) -> None:
    shown = begin(name, content)
    before = check(vscode, server, name)
    assert before.startswith(content)
    vscode.wait_ghost(lambda ghost: ghost == shown)
    vscode.press("Tab")
    assert check(vscode, server, name).replace("\r\n", "\n") == before.replace("\r\n", "\n") + shown


def test_edits_above_and_back(vscode: VSCode, server: TappedServer, begin: Callable[..., str]) -> None:
    begin("above.py")
    vscode.press("Control+Home")
    vscode.type("import table\nimport row\n", delay=5)
    check(vscode, server, "above.py")
    vscode.press("Control+z", "Control+z", "Control+z")
    check(vscode, server, "above.py")


def test_open_suggest_list_is_honoured(vscode: VSCode, server: TappedServer, begin: Callable[..., str]) -> None:
    begin("list.py")
    vscode.press("Escape", "Enter", "Home")
    vscode.type("    table.ro", delay=20)
    vscode.press("Control+Space")
    vscode.wait(lambda: vscode.evaluate("() => !!document.querySelector('.suggest-widget.visible .monaco-list-row')"),
                what="the suggest list")
    selected = vscode.wait(lambda: [
        info for params in server.messages("textDocument/inlineCompletion")
        if (info := params["context"].get("selectedCompletionInfo"))], what="a request that names the selected entry")
    vscode.press("Escape", "Escape")
    asked = len(server.messages("textDocument/inlineCompletion"))
    answers = vscode.wait(lambda: server.answers("textDocument/inlineCompletion"), lambda found: len(found) == asked)
    codes = {answer["code"] for answer in answers if isinstance(answer, dict) and "code" in answer}
    assert codes <= {-32800}, "only cancelled requests may be refused"
    assert selected[-1]["text"].startswith("ro")
    check(vscode, server, "list.py")


def test_files_have_their_own_text(vscode: VSCode, server: TappedServer, begin: Callable[..., str]) -> None:
    begin("left.py")
    begin("right.py", functions(3))
    check(vscode, server, "right.py")
    vscode.open("left.py")
    check(vscode, server, "left.py")


def test_killed_daemon_comes_back_with_the_text(vscode: VSCode, server: TappedServer,
                                                begin: Callable[..., str]) -> None:
    begin("killed.py")
    before = server.pid()
    os.kill(before, signal.SIGKILL)
    vscode.wait(server.pid, lambda pid: pid != before, "a new daemon")
    path = vscode.folder / "killed.py"
    vscode.wait_connected(server, path)
    vscode.wait_ready()
    vscode.press("Escape", "Enter", "Home")
    vscode.type_until_ghost(BEGUN)
    check(vscode, server, "killed.py")


def test_language_off_and_on_live(vscode: VSCode, server: TappedServer, begin: Callable[..., str]) -> None:
    begin("live.py")
    vscode.press("Escape")
    vscode.change_settings({"kvlsp.disabledLanguages": ["python"]})
    vscode.wait(vscode.status, lambda text: "(circle-slash)" in text)
    vscode.type("_")
    vscode.wait(lambda: server.ask("kvlsp/statistics", {})["server"]["empty"].get("disabled", 0))
    assert vscode.ghost() == ""
    vscode.change_settings({"kvlsp.disabledLanguages": None})
    vscode.wait(vscode.status, lambda text: "(sparkle)" in text)
    vscode.press("Enter", "Home")
    vscode.type_until_ghost(BEGUN)
    check(vscode, server, "live.py")


def test_hover_tells_how_the_last_request_went(vscode: VSCode, begin: Callable[..., str]) -> None:
    begin("hover.py")
    vscode.do("hover", selector="[id*='kvlsp.status']")
    text = vscode.wait(lambda: str(vscode.evaluate(
        "() => (document.querySelector('.workbench-hover')?.textContent ?? '').replaceAll('\\u00a0', ' ')")))
    assert "Last request: 1 suggestion" in text
    assert "milliseconds" in text
    vscode.screenshot("model-status-hover")


def test_a_panel_shows_what_the_daemon_holds(vscode: VSCode, server: TappedServer) -> None:
    path = vscode.write("shown.py", CONTENT)
    vscode.open("shown.py")
    vscode.wait_connected(server, path)
    vscode.wait_ready()
    vscode.press("Control+End")
    vscode.type("x")
    vscode.command("kvlsp: Inspect")

    def page(script: str) -> str:
        return str(vscode.do("inner", selector="#cells", script=script) or "")

    def text(selector: str) -> str:
        return page(f"document.querySelector('{selector}')?.textContent ?? ''")

    vscode.wait(lambda: text("#rows"), lambda rows: "all exact" in rows, "a cache that is exact")
    vscode.wait(lambda: text("#held"), lambda held: held == "shown.py", "the name of the document")
    vscode.press("Control+1")
    vscode.type("y")
    vscode.wait(lambda: text("#stroke-title"), lambda title: title == "One character inserted", "the key")
    vscode.screenshot("look-on")
    assert page("document.querySelector('meta[http-equiv]').content").startswith("default-src 'none'")
    assert page("getComputedStyle(document.querySelector('.left')).display") == "none", "it has its styles"
    daemon = server.pid()
    os.kill(daemon, signal.SIGKILL)
    vscode.wait(server.pid, lambda pid: pid != daemon, "another daemon", LOADING)
    vscode.wait(lambda: text("#state"), lambda state: state.strip() == "looking on", "the page with it", LOADING)
    vscode.press("Control+s", "Control+w")
