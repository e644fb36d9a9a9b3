"""The playground as a person meets it: the real page in real Chromium, the real daemon, the default model."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import frames
from tests.e2e.support.chromium import Chromium
from tests.e2e.test_next_edit import CONTENT

pytestmark = pytest.mark.browser

CODE = "".join(f"""
def area_{number}(width, height):
    total = width * height
    return total

""" for number in range(60)) + """
class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)

    def pop(self):
        return self.items.pop()
"""


class Playground:
    """`kvlsp playground FILE`, and a page of it."""

    def __init__(self, file: Path) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "kvlsp", "playground", str(file), "--no-browser"],
                                        stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        assert self.process.stdout is not None
        try:
            said = self.process.stdout.readline()
            self.address = re.search(r"http://127[^ ]+", said)[0]  # type: ignore[index]
            self.page = Chromium()  # which skips the test where there is none
        except BaseException:
            self._end()
            raise

    def close(self) -> None:
        try:
            self.page.close()
        finally:
            code = self._end()
        assert code == 0

    def _end(self) -> int:
        """Its daemons end with it."""
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(30)
        finally:
            daemons = self.daemons() if self.process.poll() is None else []
            self.process.kill()
            for daemon in daemons:
                os.kill(daemon, signal.SIGKILL)

    def open(self) -> None:
        self.page.do("open", url=self.address)
        self.ready()

    def ready(self) -> None:
        self.page.wait(lambda: self.page.evaluate("document.querySelector('#state').dataset.kind") == "ready",
                       "the model")

    def rest(self) -> None:
        """All tokens exact."""
        self.page.wait(lambda: "all exact" in self.page.text("#rows"), "a cache that is exact")

    def number(self, name: str) -> int:
        said = self.page.evaluate(f"document.querySelector('.number.{name}')?.dataset.value ?? '0'")
        return int(said)

    def ghost(self) -> str:
        return self.page.text(".ghost")

    def caret_to(self, text: str) -> None:
        """Behind its last occurrence."""
        self.page.evaluate(f"""(() => {{
          const view = window.kvlsp.editor;
          const at = view.state.doc.toString().lastIndexOf({json.dumps(text)}) + {len(text)};
          view.dispatch({{ selection: {{ anchor: at }}, scrollIntoView: true }});
          view.focus();
        }})()""")

    def document(self) -> str:
        found: str = self.page.evaluate("window.kvlsp.editor.state.doc.toString()")
        return found

    def daemons(self) -> list[int]:
        done = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False)
        return [int(number) for number in done.stdout.split()]


@pytest.fixture
def playground(tmp_path: Path) -> Iterator[Playground]:
    file = tmp_path / "stack.py"
    file.write_text(CODE, encoding="utf-8")
    playground = Playground(file)
    try:
        playground.open()
        yield playground
    finally:
        playground.close()
    assert file.read_text(encoding="utf-8") == CODE, "what is typed in the page is written nowhere"


def test_type_see_a_suggestion_take_it_and_edit_far_above(playground: Playground):
    page = playground.page
    playground.rest()
    assert page.evaluate("window.kvlsp.cells.count('moved') + window.kvlsp.cells.count('encoded')") == 0, "nobody typed"
    page.screenshot("playground-rest")
    playground.caret_to("        self.items.append(item)")
    page.do("press", key="Enter")
    page.do("type", text="self.items.", delay=60)
    ghost = page.wait(playground.ghost, "a suggestion")
    page.screenshot("playground-ghost")
    assert "A suggestion in" in page.wait(lambda: page.text("#answer"), "a sentence")
    page.do("press", key="Tab")
    page.wait(lambda: "self.items." + ghost in playground.document(), "the accepted text")
    page.wait(lambda: playground.number("adopted") + playground.number("encoded") > 0, "its rows")
    playground.rest()
    kept = int(re.sub(r"\D", "", page.text("#rows").split("tokens")[0]))
    page.do("click", selector="#line-above")
    page.wait(lambda: "inserted, and the caret" in page.text("#stroke-title"), "the gesture")
    page.wait(lambda: playground.number("moved") > 100, "rows that were moved")
    page.screenshot("playground-above")
    assert playground.number("kept") >= kept - 5
    assert 0 < playground.number("encoded") < 60
    assert "would encode" in page.text("#race")
    assert page.do("complaints") == []


def test_the_numbers_are_those_of_the_engines_report(playground: Playground):
    page = playground.page
    playground.rest()
    playground.caret_to("        return self.items.pop()")
    page.do("press", key="Enter")
    page.do("type", text="x", delay=0)
    page.wait(lambda: playground.number("encoded") + playground.number("adopted") > 0, "the key")
    playground.rest()
    view = page.evaluate("window.kvlsp.view")
    gesture = page.evaluate("window.kvlsp.gesture")
    for name in ("kept", "moved", "encoded"):
        assert playground.number(name) == gesture["rows"].get(name, 0)
    state = page.evaluate("window.kvlsp.documentState()")
    assert view["document"]["rows"] == state["cachedTokens"]
    assert view["document"]["rows"] - view["document"]["frontier"] == state["staleTokens"]
    assert f"{state['cachedTokens']:,} tokens resident" in page.text("#rows")
    statistics = page.evaluate("window.kvlsp.statistics()")
    assert view["memory"]["bound"] == statistics["cacheBound"]
    assert sum(held["bytes"] for held in view["documents"]) + view["memory"]["chunkBytes"] == statistics["cacheBytes"]
    assert view["last"]["latency_ms"] == statistics["last"]["latency_ms"]
    memory = page.text("#memory")
    assert "stack.py" in memory
    assert "pieces of other filesnone shown" in memory
    assert "on disk, all modelsnothing is kept" in memory, "what is typed in the page is written nowhere"


def test_a_daemon_that_is_killed_is_followed_by_another_with_the_text_of_the_page(playground: Playground):
    page = playground.page
    playground.caret_to("        return self.items.pop()")
    page.do("press", key="Enter")
    page.do("type", text="# typed", delay=0)
    [daemon] = playground.daemons()
    os.kill(daemon, signal.SIGKILL)
    page.wait(lambda: playground.daemons() not in ([], [daemon]), "another daemon")
    playground.ready()
    page.wait(lambda: page.evaluate("window.kvlsp.documentState()"), "the document")
    state = page.evaluate("window.kvlsp.documentState()")
    assert state["characters"] == len(playground.document())
    playground.rest()
    page.do("type", text=" here", delay=60)
    page.wait(lambda: page.text("#stroke-title") == "One character inserted", "the next key")


def test_the_keyboard_alone_is_enough(playground: Playground):
    page = playground.page
    playground.rest()
    page.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(12):
        page.do("press", key="Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.className.split(' ')[0]"))
    for control in ("theme", "cm-content", "line-above", "delete-above", "jump", "grid"):
        assert control in reached, reached
    page.evaluate("document.querySelector('#grid').focus()")
    page.wait(lambda: page.evaluate("window.kvlsp.view.document.likely.filter((one) => one === 65535).length") == 1,
              "how likely each token is but the first")
    page.do("press", key="Home")
    page.do("press", key="ArrowDown")
    said = page.wait(lambda: page.text("#token"), "a token")
    assert re.search(r"position \d+, .*exact, (\d+(\.\d)?|less than 0\.1) % likely here$", said), said
    page.do("press", key="ArrowRight")
    assert page.text("#token") != said


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("size", [(1440, 900), (420, 900)])
def test_it_fits_narrow_and_wide_dark_and_light(playground: Playground, scheme: str, size: tuple[int, int]):
    page = playground.page
    page.do("look", width=size[0], height=size[1], scheme=scheme)
    playground.rest()
    page.screenshot(f"playground-{scheme}-{size[0]}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    colours = page.evaluate("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
    light = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours]
    assert (light[0] > light[1]) == (scheme == "dark")
    assert page.evaluate("document.querySelector('#cells').width > 200")
    assert page.do("complaints") == []


def test_the_next_edit_is_shown_where_it_belongs_and_a_key_goes_there_and_takes_it(tmp_path: Path):
    file = tmp_path / "inventory.py"
    file.write_text(CONTENT, encoding="utf-8")
    playground = Playground(file)
    page = playground.page

    def shown() -> str:
        return page.text(".next-new")

    try:
        playground.open()
        playground.rest()
        playground.caret_to("def add(self, name, amount")
        page.evaluate("(() => { const view = window.kvlsp.editor, { head } = view.state.selection.main;"
                      "view.dispatch({ selection: { anchor: head - 6, head } }); })()")
        page.do("type", text="quantity", delay=40)
        page.wait(lambda: "if quantity <= 0:" in shown(), "the next edit")
        while playground.ghost():
            page.do("press", key="Escape")
        page.screenshot("playground-next-edit")
        assert "next edit in line 3" in page.text(".next-hint")
        text = playground.document()
        page.do("press", key="Tab")
        page.wait(lambda: "Tab takes it" in page.text(".next-hint"), "the place")
        assert playground.document() == text, "going there changes nothing"
        page.do("press", key="Tab")
        page.wait(lambda: "if quantity <= 0:" in playground.document(), "the edit")
        page.wait(lambda: "cannot add {quantity}" in shown(), "the one after it")
        text = playground.document()
        page.do("press", key="Escape")
        page.wait(lambda: not shown(), "nothing")
        assert playground.document() == text
        assert page.do("complaints") == []
    finally:
        playground.close()


def test_ten_thousand_cells_take_a_small_part_of_a_picture(playground: Playground):
    found = frames.cells(playground.page, 10_000)
    assert found["script"][0] < 8, f"the quickest tenth, since the machine may be busy: {found}"
    assert playground.page.do("complaints") == []


def test_a_large_file_stays_usable(tmp_path: Path):
    file = frames.large(tmp_path)
    assert file.stat().st_size > 1_000_000
    playground = Playground(file)
    page = playground.page
    try:
        playground.open()
        page.wait(lambda: "tokens resident" in page.text("#rows"), "the first rows")
        for letter in "x = width":
            page.do("press", key="Space" if letter == " " else letter)
        assert "x = width" in playground.document()
        page.wait(lambda: "inserted" in page.text("#stroke-title"), "a key")
        took = page.evaluate("(async () => { const began = performance.now(); for (let n = 0; n < 10; n++) "
                             "{ await new Promise(requestAnimationFrame); window.kvlsp.draw(); } "
                             "return performance.now() - began; })()")
        assert took < 5000, "ten pictures"
        assert page.do("complaints") == []
    finally:
        playground.close()
