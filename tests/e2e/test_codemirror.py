"""CodeMirror 6 and its language server client, exactly as docs/editors/codemirror.md says, without a browser."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyte", reason="pyte shows what a terminal shows: pip install pyte")

from tests.e2e.support.editors import HERE, REPOSITORY, installed
from tests.e2e.support.recipes import BEFORE, DAEMON, NAME, SUGGESTED, recipe
from tests.e2e.support.tapped import TappedServer

pytestmark = [pytest.mark.editors, pytest.mark.timeout(600)]


class Page:
    """A page with one editor in it."""

    def __init__(self, folder: Path) -> None:
        esbuild = installed("codemirror", "node_modules/.bin/esbuild")
        home = esbuild.parents[2]
        source, bundle = home / "editor.js", home / "editor.cjs"
        source.write_text(recipe("codemirror", "js", "editor.js"), encoding="utf-8")
        options = ["--bundle", "--format=cjs", f"--outfile={bundle}", "--log-level=error"]
        subprocess.run([str(esbuild), str(source), *options], check=True)
        self.path = folder / NAME
        self.path.write_text(BEFORE, encoding="utf-8")
        self.server = TappedServer(folder / "tap", [*DAEMON, "serve"])
        self.process = subprocess.Popen(
            ["node", str(HERE / "support" / "codemirror.mjs"), str(bundle), self.path.as_uri(), str(self.path),
             *self.server.command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)

    def do(self, name: str, **rest: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"name": name, **rest}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def wait(self, look: Callable[[], Any], until: Callable[[Any], bool] = bool, patience: float = 90) -> Any:
        end = time.monotonic() + patience
        while not until(seen := look()):
            assert time.monotonic() < end, f"last seen: {seen!r}\n{self.do('text')}"
            time.sleep(0.05)
        return seen


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    page = Page(tmp_path)
    yield page
    assert page.process.stdin is not None
    page.process.stdin.close()
    page.process.wait(20)


def test_the_entry_is_shown_and_taken(page: Page) -> None:
    page.wait(lambda: page.server.knows(page.path), patience=240)
    state = {"uri": page.path.as_uri()}
    page.wait(lambda: page.server.ask("kvlsp/documentState", state)["tokens"], patience=240)
    page.do("caret", at=len(BEFORE))
    page.do("type", text="self.")
    shown = page.wait(lambda: page.do("list"))
    assert shown[0].startswith(SUGGESTED)
    assert "kvlsp" in shown[0]
    time.sleep(0.1)
    page.do("press", key="Tab")
    assert page.do("text") == f"{BEFORE}self.{SUGGESTED}"
    page.do("press", key="Enter")
    page.do("type", text="if item:")
    page.do("press", key="Enter")
    page.do("type", text="pass")
    text = page.do("text")
    assert [line.strip() for line in text.removeprefix(BEFORE).split("\n")] == [f"self.{SUGGESTED}", "if item:", "pass"]
    page.wait(lambda: page.server.ask("kvlsp/documentState", state)["characters"], lambda size: size == len(text))
    page.server.check_same_text(page.path, text.encode())
    answers = page.server.answers("textDocument/completion")
    assert not [answer for answer in answers if isinstance(answer, dict) and "code" in answer]
    assert not page.server.told("kvlsp/status")
