"""Drives a real VS Code, served by code-server, in headless Chromium: keys in, what the page shows out."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.e2e.support.editors import ARTEFACTS, HERE, REPOSITORY
from tests.e2e.support.tapped import TappedServer

EXTENSION = REPOSITORY / "editors" / "vscode"
PATIENCE = 90.0
"""Seconds to wait for something on the page: generous, since a machine may be busy with other things."""
LOADING = 240.0
"""Seconds to wait for a model that loads and measures itself."""

Seen = TypeVar("Seen")

SETTINGS = {
    "workbench.startupEditor": "none", "editor.minimap.enabled": False, "telemetry.telemetryLevel": "off",
    "security.workspace.trust.enabled": False, "files.autoSave": "off", "editor.autoClosingBrackets": "never",
    "editor.autoIndent": "none", "editor.quickSuggestions": {"other": "off", "comments": "off", "strings": "off"},
    "editor.acceptSuggestionOnEnter": "off", "editor.inlineSuggest.enabled": True, "editor.wordWrap": "off",
    "files.watcherExclude": {"**/wire": True}, "editor.cursorBlinking": "solid", "editor.tabCompletion": "off",
    "workbench.secondarySideBar.defaultVisibility": "hidden", "chat.disableAIFeatures": True,
    "editor.unusualLineTerminators": "off", "workbench.reduceMotion": "on",
}

KEYS = [{"key": "ctrl+alt+l", "command": "editor.action.inlineSuggest.acceptNextLine"}]
"""What has no key by default. The command palette takes the focus, and with it the suggestion."""

GHOST = """() => {
  const plain = (text) => text.replaceAll('\\u00a0', ' ').replaceAll('\\u200b', '');
  const editor = document.querySelector('.editor-group-container.active .monaco-editor') || document;
  const first = [...editor.querySelectorAll('.ghost-text-decoration, .ghost-text-decoration-preview')]
    .map((span) => span.textContent).join('');
  const more = [...editor.querySelectorAll('.suggest-preview-text .view-line')].map((line) => line.textContent);
  return plain([first, ...more].join('\\n'));
}"""


class VSCode:
    """One code-server with the packaged extension, one page. ``root`` holds its data and the workspace.

    ``environment`` is what VS Code and the daemon see; the tests' own without it.
    """

    def __init__(self, program: Path, root: Path, size: tuple[int, int] = (1200, 700),
                 environment: Mapping[str, str] | None = None) -> None:
        browser = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
        if browser is None:
            pytest.skip("no Chromium is installed: run tests/e2e/install-vscode")
        package = EXTENSION / "kvlsp.vsix"
        if not package.exists() or not (EXTENSION / "node_modules" / "playwright-core").exists():
            pytest.skip("the extension is not built: (cd editors/vscode && npm ci && npm run package)")
        self.root, self.folder, self.data = root, root / "workspace", root / "data"
        for folder in (self.folder, self.data / "User", self.data / "Machine", root / "home"):
            folder.mkdir(parents=True)
        self.arguments = [str(program), "--user-data-dir", str(self.data),
                          "--extensions-dir", str(root / "extensions")]
        home = str(root / "home")
        self.environment = {**(environment or os.environ), "KVLSP_VSCODE_HOME": home, "HOME": home}
        (self.data / "User" / "keybindings.json").write_text(json.dumps(KEYS), encoding="utf-8")
        self.settings: dict[str, Any] = {}
        self.tapped: TappedServer | None = None
        """The server that the settings name, for the tests."""
        self.change_settings({})
        installed = subprocess.run([*self.arguments, "--install-extension", str(package)], env=self.environment,
                                   capture_output=True, text=True, timeout=180, check=False)
        assert installed.returncode == 0, installed.stdout + installed.stderr
        self.port = _free_port()
        self.log = (root / "code-server.log").open("wb")
        self.server = subprocess.Popen([*self.arguments, "--bind-addr", f"127.0.0.1:{self.port}", str(self.folder)],
                                       env=self.environment, stdout=self.log, stderr=subprocess.STDOUT)
        self.browser = subprocess.Popen(
            ["node", str(HERE / "support" / "browser.mjs"), str(EXTENSION / "node_modules"), browser,
             *map(str, size)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._wait_for_server()

    def close(self) -> None:
        if self.browser.stdin is not None:
            self.browser.stdin.close()
        for process in (self.browser, self.server):
            if process is self.server:
                process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        self.log.close()

    # --- settings, files, page ---------------------------------------------------------------------------

    def change_settings(self, changed: dict[str, Any]) -> None:
        """Sets settings (None takes one away); VS Code sees the file change."""
        self.settings = {name: value for name, value in {**self.settings, **changed}.items() if value is not None}
        text = json.dumps({**SETTINGS, **self.settings}, indent=1)
        machine = {name: value for name, value in self.settings.items() if name.startswith("kvlsp.")}
        (self.data / "Machine" / "settings.json").write_text(json.dumps(machine, indent=1), encoding="utf-8")
        (self.data / "User" / "settings.json").write_text(text, encoding="utf-8")

    def load(self) -> None:
        """The page, as after starting VS Code."""
        self.do("open", url=f"http://127.0.0.1:{self.port}/?folder={urllib.parse.quote(str(self.folder))}")
        self.wait(lambda: self.evaluate("() => !!document.querySelector('.monaco-workbench .statusbar')"),
                  what="the workbench", patience=LOADING)

    def write(self, name: str, content: bytes | str) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def open(self, name: str) -> None:
        """Through Quick Open, as a user does; a new file takes a moment to be found there."""
        end = time.monotonic() + PATIENCE
        while True:
            self.press("Escape", "Control+P")
            self.wait(lambda: self.evaluate("() => document.activeElement?.closest('.quick-input-widget') != null"),
                      what="Quick Open")
            self.do("type", text=name, delay=5)
            rows = self.wait(lambda: self.evaluate(
                "() => [...document.querySelectorAll('.quick-input-list .monaco-list-row .label-name')]"
                ".map(e => e.textContent)"), lambda rows: rows[:1] in ([name], ["No matching results"]))
            if rows[0] == name:
                break
            assert time.monotonic() < end, f"{name} is not found"
        self.press("Enter")
        self.wait(self.tab, lambda tab: tab == name, f"the file {name}")
        self.wait(lambda: self.evaluate(
            "() => document.activeElement?.closest('.monaco-editor') != null "
            "&& !!document.querySelector('.editor-group-container.active .view-line')"), what="a focused editor")

    def command(self, title: str) -> None:
        """Through the command palette."""
        self.press("F1")
        self.wait(lambda: self.evaluate("() => document.activeElement?.closest('.quick-input-widget') != null"),
                  what="the command palette")
        self.do("type", text=title, delay=5)
        self.wait(lambda: self.evaluate(
            "() => document.querySelector('.quick-input-list .monaco-list-row .label-name')?.textContent ?? ''"),
            lambda row: title in row, f"the command {title}")
        self.press("Enter")

    # --- what a user does and sees -----------------------------------------------------------------------

    def press(self, *keys: str) -> None:
        for key in keys:
            self.do("press", key=key)

    def type(self, text: str, delay: int = 30) -> None:
        self.do("type", text=text, delay=delay)

    def tab(self) -> str:
        """The name of the file in front."""
        return str(self.evaluate("() => document.querySelector('.editor-group-container.active .tab.active')"
                                 "?.getAttribute('data-resource-name') ?? ''"))

    def ghost(self) -> str:
        return str(self.evaluate(GHOST)).rstrip("\n")

    def wait_ghost(self, until: Callable[[str], bool] = bool) -> str:
        return self.wait(self.ghost, until, "ghost text")

    def type_until_ghost(self, pieces: Iterable[str], patience: float = 3.0) -> str:
        """Types one piece after the other, until something is offered; a model need not have something everywhere."""
        for piece in pieces:
            self.type(piece, delay=20)
            end = time.monotonic() + patience
            while time.monotonic() < end:
                if self.ghost():
                    time.sleep(0.5)  # what is drawn may be of the moment before
                    return self.wait_ghost()
                time.sleep(0.05)
        self.screenshot("failure")
        raise AssertionError(f"nothing was offered anywhere; status: {self.status()}")

    def wait_ready(self) -> None:
        """Until the daemon says that it can answer."""
        self.wait(self.status, lambda text: "(sparkle)" in text, "a daemon that is ready", LOADING)

    def wait_connected(self, server: TappedServer, path: Path) -> None:
        """Until the server has the document, and VS Code knows that it offers completions."""
        self.wait(lambda: server.knows(path), what="didOpen", patience=LOADING)
        time.sleep(0.5)  # the registration of what it offers reaches the page a moment later, and shows nowhere

    def status(self) -> str:
        """The text of our status bar item, icons as (name)."""
        return str(self.evaluate(
            "() => { const item = document.querySelector('[id=\"kvlsp.kvlsp.status\"], [id*=\"kvlsp.status\"]');"
            " return item ? [...item.querySelectorAll('.codicon')].map(i => '(' + [...i.classList].filter("
            "c => c.startsWith('codicon-')).map(c => c.slice(8)).join(' ') + ')').join('') + item.textContent : ''; }"))

    def notifications(self) -> list[str]:
        return list(self.evaluate("() => [...document.querySelectorAll('.notification-list-item-message')]"
                                  ".map(e => e.textContent)"))

    def push(self, button: str) -> None:
        """Clicks a button of a message."""
        self.do("click", selector=f".notification-list-item .monaco-button:has-text('{button}')")

    def save(self, name: str) -> bytes:
        """Saves the file in front; its bytes are the buffer's."""
        path = self.folder / name
        self.press("Control+S")
        self.wait(lambda: self.evaluate(
            "() => !document.querySelector('.editor-group-container.active .tab.active.dirty')"), what="a saved file")
        return path.read_bytes()

    def evaluate(self, script: str) -> Any:
        return self.do("evaluate", script=f"({script})()")

    def wait(self, look: Callable[[], Seen], until: Callable[[Seen], bool] = bool, what: str = "",
             patience: float = PATIENCE) -> Seen:
        """What ``look`` sees, as soon as it is right; leaves a screenshot when that takes too long."""
        end = time.monotonic() + patience
        while not until(seen := look()):
            if time.monotonic() > end:
                self.screenshot("failure")
                raise AssertionError(f"waited for {what or 'something on the page'}; last seen: {seen!r}; "
                                     f"notifications: {self.notifications()}; status: {self.status()}")
            time.sleep(0.05)
        return seen

    def screenshot(self, name: str) -> None:
        ARTEFACTS.mkdir(exist_ok=True)
        time.sleep(0.5)  # hovers and messages fade in
        self.do("screenshot", path=str(ARTEFACTS / f"vscode-{name}.png"))

    def do(self, action: str, **arguments: Any) -> Any:
        """One action of browser.mjs."""
        assert self.browser.stdin is not None
        assert self.browser.stdout is not None
        self.browser.stdin.write(json.dumps({"do": action, **arguments}) + "\n")
        self.browser.stdin.flush()
        answer = json.loads(self.browser.stdout.readline())
        if "error" in answer:
            raise AssertionError(f"{action} {arguments}: {answer['error']}")
        return answer["ok"]

    def _wait_for_server(self) -> None:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2).close()
                return
            except OSError:
                assert time.monotonic() < end, (self.root / "code-server.log").read_text()
                time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
