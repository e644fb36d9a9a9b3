"""One page in headless Chromium, driven through browser.mjs."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.support.editors import ARTEFACTS, HERE, REPOSITORY

MODULES = REPOSITORY / "editors" / "playground" / "node_modules"

PATIENCE = 120.0
"""Seconds to wait for something on the page: generous, since a machine may be busy with other things."""


class Chromium:
    """Open one with :meth:`open`, close it with :meth:`close`."""

    def __init__(self, modules: Path = MODULES, size: tuple[int, int] = (1440, 900)) -> None:
        browser = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
        if browser is None:
            pytest.skip("no Chromium is installed: apt-get install chromium")
        if not (modules / "playwright-core").exists():
            pytest.skip("what drives the browser is not installed: (cd editors/playground && npm ci)")
        self._process = subprocess.Popen(["node", str(HERE / "support" / "browser.mjs"), str(modules), browser,
                                          *map(str, size)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def do(self, action: str, **arguments: Any) -> Any:
        """One action of browser.mjs."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": action, **arguments}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["ok"]

    def evaluate(self, script: str) -> Any:
        return self.do("evaluate", script=script)

    def text(self, selector: str) -> str:
        found: str = self.evaluate(f"document.querySelector({json.dumps(selector)})?.textContent ?? ''")
        return found

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """What ``condition`` gives once it holds."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if found := condition():
                return found
            time.sleep(0.05)
        self.screenshot("missing")
        raise AssertionError(f"{what} did not come")

    def screenshot(self, name: str) -> Path:
        ARTEFACTS.mkdir(exist_ok=True)
        path = ARTEFACTS / f"{name}.png"
        self.do("screenshot", path=str(path))
        return path
