"""The real daemon with its own model, over standard input and output, as an editor runs it."""

from __future__ import annotations

import hashlib
import heapq
import inspect
import os
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lsp_client import LspClient, edit, python_module

SOURCE = inspect.getsource(heapq)
"""A real file of some 6,000 tokens."""

OPTIONS = {"deadlineMs": 20_000, "invokedDeadlineMs": 60_000}
"""Other tests may keep the machine busy; these look at answers, not at times."""


def daemon(*arguments: str, **options: object) -> LspClient:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return LspClient.spawn(
        [*python_module("kvlsp"), *arguments], stderr=subprocess.DEVNULL, env=environment, **options
    )


def ready(client: LspClient) -> None:
    client.notification("kvlsp/status", lambda status: status["kind"] in ("ready", "error"))


@pytest.fixture(scope="module")
def client() -> Iterator[LspClient]:
    client = daemon("--stdio")
    client.initialize(OPTIONS)
    ready(client)
    yield client
    assert client.close() == 0


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def items(client: LspClient, *arguments: object) -> list[dict[str, object]]:
    answer = client.answer_to(client.complete(*arguments, 1))
    assert "error" not in answer, answer
    return answer["result"]


def test_a_completion_comes_with_its_range(client):
    text = "def add(left, right):\n    return left + right\n\n\ndef subtract(left, right):\n    return "
    client.open("file:///small.py", text)
    [item, *_] = items(client, "file:///small.py", 5, 11)
    assert item["insertText"].strip()
    assert item["range"]["start"] == item["range"]["end"] == {"line": 5, "character": 11}
    accepted = item["command"]
    assert (
        client.ask(
            "workspace/executeCommand", {"command": accepted["command"], "arguments": accepted["arguments"]}
        )
        is None
    )
    statistics = client.ask("kvlsp/statistics", {})
    assert statistics["server"]["offered"] >= 1


def test_two_hundred_edits_of_a_real_file(client):
    """The daemon's text, after every kind of edit, is the editor's."""
    uri, text = "file:///heapq.py", SOURCE
    client.open(uri, text)
    dice = random.Random(7)
    for step in range(200):
        lines = text.split("\n")
        row = dice.randrange(len(lines))
        column = dice.randrange(len(lines[row]) + 1)
        kind = dice.choice(("type", "type", "delete", "line", "paste"))
        if kind == "delete":
            end = min(len(lines[row]), column + dice.randrange(1, 9))
            client.change(uri, edit(row, column, end, ""))
            lines[row] = lines[row][:column] + lines[row][end:]
        else:
            new = {"type": dice.choice("abc (.="), "line": "\n    x = 1", "paste": "\n".join(lines[3:9])}[
                kind
            ]
            client.change(uri, edit(row, column, column, new))
            lines[row] = lines[row][:column] + new + lines[row][column:]
        text = "\n".join(lines)
        if step % 20 == 0:
            for item in items(client, uri, row, 0):
                assert item["range"]["start"]["line"] == row
    state = client.state(uri)
    assert (state["characters"], state["sha256"]) == (len(text), sha256(text))
    assert state["tokens"] > 4000
    assert state["cachedTokens"] > 0


@pytest.mark.parametrize("text", [
    "x = 'a\x00b'\nprint(x)\n", "a = 1\x0c\nb = 2\u2028c\r\nd = '\ud83d'\re = '😀'\n",
    "\ufeffimport os\n", "", "\n" * 50,
    "<|fim_middle|><|endoftext|> = 1\n", "x" * 5000,
])  # fmt: skip
def test_nasty_documents(client, text):
    uri = f"untitled:{sha256(text)}"
    client.open(uri, text)
    items(client, uri, 0, 3)
    client.change(uri, edit(0, 0, 0, "# é😀\n"))
    items(client, uri, 1, 0)
    assert client.state(uri)["sha256"] == sha256("# é😀\n" + text)
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    assert client.state(uri) is None


def test_a_cancelled_request_is_answered_once_and_the_next_one_works(client):
    client.open("file:///c.py", "import os\n\n\ndef main():\n    ")
    number = client.complete("file:///c.py", 4, 4)
    client.notify("$/cancelRequest", {"id": number})
    assert client.answer_to(number)
    assert isinstance(items(client, "file:///c.py", 4, 4), list)
    assert len(client.answers_to(number)) == 1


@pytest.mark.parametrize("cancels", [True, False])
def test_typing_with_a_request_at_every_key(client, cancels):
    """As VS Code does it, which cancels at the next key, and as Neovim does, which does not."""
    uri, typed = f"untitled:typing{cancels}", "    return [item for item in items if item.name]"
    client.open(uri, "def named(items):\n")
    numbers = []
    for column, character in enumerate(typed):
        if cancels and numbers:
            client.notify("$/cancelRequest", {"id": numbers[-1]})
        client.change(uri, edit(1, column, column, character))
        numbers.append(client.complete(uri, 1, column + 1))
    answers = [client.answer_to(number) for number in numbers]
    assert "result" in answers[-1]
    for column, answer in enumerate(answers):
        for item in answer.get("result", []):
            assert item["range"]["start"] == {"line": 1, "character": column + 1}
    assert client.state(uri)["sha256"] == sha256("def named(items):\n" + typed)
    assert [len(client.answers_to(number)) for number in numbers] == [1] * len(numbers)


def test_a_language_is_switched_off_and_on_live(client):
    client.open("file:///d.py", "import os\n\n\ndef main(path):\n    return os.")
    client.notify(
        "workspace/didChangeConfiguration", {"settings": {"kvlsp": {"disabledLanguages": ["python"]}}}
    )
    assert items(client, "file:///d.py", 4, 14) == []
    client.notify("workspace/didChangeConfiguration", {"settings": {"kvlsp": {"disabledLanguages": []}}})
    assert isinstance(items(client, "file:///d.py", 4, 14), list)
    assert client.ask("kvlsp/statistics", {})["server"]["empty"]["disabled"] == 1


def test_a_model_that_is_not_there(tmp_path):
    client = daemon("serve", "--model", str(tmp_path / "nowhere"))
    client.initialize()
    status = client.notification("kvlsp/status", lambda status: status["kind"] == "error")
    assert "nowhere" in status["message"]
    client.open("file:///a.py", "x = ")
    assert items(client, "file:///a.py", 0, 4) == []
    assert client.ask("kvlsp/statistics", {})["server"]["empty"] == {"not_ready": 1}
    assert client.close() == 0


def test_a_killed_editor_takes_the_daemon_along():
    client = daemon()
    client.initialize()
    client.hang_up()
    assert client.exit_code() == 1


@pytest.mark.slow
def test_large_documents(client):
    """5 MB, and one line of 1 MB: edited, completed, alive."""
    line = "value = compute(value, 'é😀')\n"
    for uri, text, row in (
        ("file:///big.py", line * 170_000, 85_000),
        ("file:///long.py", "x = [" + "1, " * 330_000, 0),
    ):
        client.open(uri, text)
        client.change(uri, edit(row, 0, 0, "# "))
        items(client, uri, row, 2)
        assert client.state(uri)["characters"] == len(text) + 2
        client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="counts CPU time by /proc")
def test_quiet_after_the_last_keystroke():
    """Once the cache is whole and exact, half a second of CPU a minute at most."""
    client = daemon()
    client.initialize(OPTIONS)
    ready(client)
    client.open("file:///heapq.py", SOURCE)
    client.change("file:///heapq.py", edit(0, 0, 0, "x"))
    items(client, "file:///heapq.py", 10, 0)
    for _ in range(120):
        state = client.state("file:///heapq.py")
        if state["staleTokens"] == 0 and state["cachedTokens"] >= state["tokens"]:  # all of it is laid out, too
            break
        time.sleep(1)
    before = cpu_seconds(client.process.pid)
    time.sleep(60)  # the one thing that can only be seen by waiting
    used = cpu_seconds(client.process.pid) - before
    assert client.close() == 0
    assert used < 0.5


def cpu_seconds(process_id: int) -> float:
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
