"""Editors that a typing burst is typed into: a client that behaves as one, a real Neovim, a real VS Code.

Each types at the end of one document, and tells which ghost texts stood behind what had been typed, and when.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.e2e.support.editors import installed
from tests.support.lsp_client import LspClient, edit

NAME = "burst.py"
GAP = 0.12
"""Seconds between two keys."""
LOOK = 0.005
"""Seconds between two looks at what is drawn."""


@dataclass
class Key:
    """A key that was pressed ``at`` seconds, and the first lines of what was drawn behind it until the next one: each
    with its time, "" where nothing was. What was still drawn of the key before is left out."""

    character: str
    at: float
    drawn: list[tuple[float, str]] = field(default_factory=list)


class Typist(Protocol):
    """``text`` is what the document holds when it has been opened, the caret at its end."""

    process_id: int
    """Of the daemon."""

    def insert(self, text: str) -> None:
        """Puts text in at the caret, in one go."""
        ...

    def type(self, line: str, keys: str) -> list[Key]:
        """Types ``keys``, :data:`GAP` apart; ``line`` is the caret's line up to the caret."""
        ...

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        """Asks the daemon on the editor's own connection."""
        ...

    @property
    def uri(self) -> str: ...

    def close(self) -> None: ...


def typed(line: str, keys: str, press: Callable[[str], None], ghost: Callable[[str], str | None]) -> list[Key]:
    """Keys pressed, and looks at what is drawn between them: ``ghost`` has it behind the caret's line, None while the
    newest key is not drawn yet."""
    found: list[Key] = []
    begun = time.monotonic()
    for number, character in enumerate(keys):
        while (now := time.monotonic()) < begun + number * GAP or not number:
            drawn = ghost(line) if found else None
            if drawn is not None:
                found[-1].drawn.append((now, drawn))
            if not number:
                break
            time.sleep(LOOK)
        press(character)
        found.append(Key(character, time.monotonic()))
        line = "" if character == "\n" else line + character
    while (now := time.monotonic()) < begun + len(keys) * GAP:
        drawn = ghost(line)
        if drawn is not None:
            found[-1].drawn.append((now, drawn))
        time.sleep(LOOK)
    return found


def start(command: Sequence[str], settings: dict[str, Any]) -> LspClient:
    """A client of a daemon that is ready; it asks again where there is more."""
    client = LspClient.spawn([*command, "serve"], stderr=subprocess.DEVNULL)
    client.initialize({**settings, "status": True, "asksAgain": True})
    client.notification("kvlsp/status", lambda status: status["kind"] in ("ready", "error"))
    return client


class Headless:
    """Asks ``delay`` seconds after each key, and again where there is more; cancels what it asked before. A ghost text
    that agrees with what is typed stays, shortened; an answer that comes late is shown as far as it still agrees."""

    uri = f"file:///{NAME}"

    def __init__(self, command: Sequence[str], settings: dict[str, Any], text: str, delay: float) -> None:
        self.client, self.delay = start(command, settings), delay
        assert self.client.process is not None
        self.process_id = self.client.process.pid
        self.client.open(self.uri, text)
        self.line, self.column = text.count("\n"), len(text.rpartition("\n")[2])
        self.client.answer_to(self.client.complete(self.uri, self.line, self.column - 3, 1))
        self._shown = ""
        self._typed = ""
        self._asked: dict[int, int] = {}
        """Requests that wait for their answer, and how much was typed when they were sent."""
        self._due: list[float] = []
        self._heard = 0

    def insert(self, text: str) -> None:
        self.client.change(self.uri, edit(self.line, self.column, self.column, text))
        self.line += text.count("\n")
        self.column = len(text.rpartition("\n")[2]) + (0 if "\n" in text else self.column)
        self._typed += text
        self._shown = ""
        self._due.append(time.monotonic() + self.delay)

    def type(self, line: str, keys: str) -> list[Key]:
        return typed(line, keys, self._press, self._ghost)

    def _press(self, character: str) -> None:
        rest = self._shown[1:] if self._shown.startswith(character) else ""
        self.insert(character)
        self._shown = rest

    def _ghost(self, line: str) -> str | None:
        told, self._heard = self.client.received[self._heard :], len(self.client.received)
        more = any(message.get("method") == "kvlsp/status" and message["params"]["kind"] == "ready"
                   and ((message["params"].get("last") or {}).get("report") or {}).get("more") for message in told)
        if more and not self._due:
            self._due.append(0.0)
        while self._due and self._due[0] <= time.monotonic():
            self._due.pop(0)
            for number in self._asked:
                self.client.notify("$/cancelRequest", {"id": number})
            self._asked[self.client.complete(self.uri, self.line, self.column)] = len(self._typed)
        for number, typed in list(self._asked.items()):
            answers = self.client.answers_to(number)
            if not answers:
                continue
            del self._asked[number]
            since = self._typed[typed:]
            items = answers[0].get("result") or []
            texts = [item["insertText"][len(since):] for item in items if item["insertText"].startswith(since)]
            newest = not any(other > number for other in self._asked)
            if texts and texts[0]:
                self._shown = texts[0]
            elif newest and not since and "result" in answers[0]:
                self._shown = ""
        return self._shown.partition("\n")[0] or self._shown

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        return self.client.ask(method, params)

    def close(self) -> None:
        self.client.close()


class InNeovim:
    """A real Neovim with this checkout's plugin, which asks when it does."""

    def __init__(self, command: Sequence[str], settings: dict[str, Any], text: str, root: Path) -> None:
        from tests.e2e.support.neovim import Neovim

        path = root / NAME
        path.write_text(text, encoding="utf-8")
        self.uri = path.as_uri()
        self._editor = Neovim(installed("neovim-sid", "nvim"), root / "home",
                              {"cmd": [*command, "serve"], "ghost": "own", "settings": settings}, [path])
        self._editor.wait_ready()
        self.process_id = self._editor.daemon()
        self._nvim = self._editor.nvim
        self._nvim.command("set indentexpr= noautoindent nosmartindent noendofline nofixendofline | normal! G$")
        self._editor.keys("A")

    def insert(self, text: str) -> None:
        self._nvim.exec_lua("""
            local row, column = unpack(vim.api.nvim_win_get_cursor(0))
            local lines = vim.split(..., '\\n')
            vim.api.nvim_buf_set_text(0, row - 1, column, row - 1, column, lines)
            vim.api.nvim_win_set_cursor(0, { row + #lines - 1, #lines == 1 and column + #lines[1] or #lines[#lines] })
        """, text)

    def type(self, line: str, keys: str) -> list[Key]:
        return typed(line, keys, self._editor.type, self._ghost)

    def _ghost(self, line: str) -> str | None:
        drawn = self._editor.ghost()
        return drawn.partition("\n")[0] or drawn if self._nvim.current.line == line else None

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        return self._editor.language_server(method, params)

    def close(self) -> None:
        self._editor.close()


class InVSCode:
    """A real VS Code with this checkout's extension, in a browser; its daemon behind a tap."""

    def __init__(self, command: Sequence[str], settings: dict[str, Any], text: str, root: Path) -> None:
        from tests.e2e.support.tapped import TappedServer
        from tests.e2e.support.vscode import VSCode

        self._editor = VSCode(installed("vscode", "code-server"), root / "vscode")
        self._server = TappedServer(root / "tap", [*command, "serve"])
        self._editor.change_settings({"kvlsp.server.command": self._server.command,
                                      **{f"kvlsp.{name}": value for name, value in settings.items()}})
        path = self._editor.write(NAME, text)
        self.uri = path.as_uri()
        self._editor.load()
        self._editor.open(NAME)
        self._editor.wait_connected(self._server, path)
        self._editor.wait_ready()
        self.process_id = self._server.pid()
        self._editor.press("Control+End")

    def insert(self, text: str) -> None:
        self._editor.do("insert", text=text)

    def type(self, line: str, keys: str) -> list[Key]:
        """The page itself notes keys and what it draws: to ask it would take longer than a key."""
        self._editor.evaluate(_RECORD)
        self._editor.type(keys, delay=int(1000 * GAP))
        time.sleep(GAP)
        found: list[Key] = []
        waiting = list(keys)
        for entry in self._editor.evaluate("() => window.kvlspDrawn()"):
            if "key" in entry:
                if waiting and entry["key"] in (waiting[0], "Enter"):
                    found.append(Key(waiting.pop(0), entry["at"] / 1000))
                    line = "" if found[-1].character == "\n" else line + found[-1].character
            elif found and entry["line"] == line + entry["ghost"]:
                found[-1].drawn.append((entry["at"] / 1000, entry["ghost"] or ("\n" if entry["more"] else "")))
        return found

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        return self._server.ask(method, params)

    def close(self) -> None:
        self._editor.close()


_RECORD = """() => {
  const plain = (text) => text.replaceAll('\\u00a0', ' ').replaceAll('\\u200b', '').replaceAll('\\u200c', '');
  const top = (element) => parseFloat(element.style.top || '0');
  const editor = document.querySelector('.editor-group-container.active .monaco-editor');
  const log = [];
  const drawn = () => {
    const caret = editor.querySelector('.cursors-layer .cursor');
    const lines = [...editor.querySelectorAll('.lines-content > .view-lines > .view-line')];
    const line = caret && lines.find((one) => Math.abs(top(one) - top(caret)) < 2);
    const ghost = line ? [...line.querySelectorAll('.ghost-text-decoration, .ghost-text-decoration-preview')] : [];
    return {
      line: plain(line ? line.textContent : ''),
      ghost: plain(ghost.map((span) => span.textContent).join('')),
      more: editor.querySelector('.suggest-preview-text .view-line') !== null,
    };
  };
  const pressed = (event) => log.push({ key: event.key, at: event.timeStamp });
  let frame = 0;
  const note = (at) => {
    log.push({ ...drawn(), at });
    frame = requestAnimationFrame(note);
  };
  document.addEventListener('keydown', pressed, true);
  frame = requestAnimationFrame(note);
  window.kvlspDrawn = () => {
    cancelAnimationFrame(frame);
    document.removeEventListener('keydown', pressed, true);
    return log;
  };
}"""


def counted(command: Sequence[str], file: Path) -> list[str]:
    """The command, with the model in its own process and a line per forward written to ``file``
    (:mod:`tests.e2e.support.counted.sitecustomize`)."""
    folder = Path(__file__).resolve().parent / "counted"
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    return ["env", f"KVLSP_FORWARDS={file}", f"PYTHONPATH={path}", "KVLSP_ENGINE=own", *command]
