"""The page beside an editor: it shows the rows of what is open there, and each key as it comes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kvlsp.cli.daemon import own_engine
from kvlsp.remote import asking
from tests.e2e.support.chromium import Chromium
from tests.support.lsp_client import LspClient, edit

pytestmark = pytest.mark.browser

URI = "file:///100%25/be%20side%.py"
CODE = "".join(f"def area_{number}(width, height):\n    return width * height\n\n\n" for number in range(40))


def test_a_page_shows_what_the_daemon_of_an_editor_does():
    editor = LspClient.connect(own_engine)
    page = Chromium()
    try:
        editor.initialize()
        editor.open(URI, CODE)
        page.do("open", url=editor.ask("workspace/executeCommand", {"command": "kvlsp.inspect"})["address"])
        editor.answer_to(editor.complete(URI, 1, 4))
        page.wait(lambda: "all exact" in page.text("#rows"), "a cache that is exact")
        state = editor.state(URI)
        assert f"{state['cachedTokens']:,} tokens resident" in page.text("#rows")
        assert page.text("#held") == "be%20side%.py", "no address that can be read: it is shown as it is"
        assert page.evaluate("document.querySelector('.left').offsetParent === null")
        editor.change(URI, edit(100, 0, 0, "x"))
        page.wait(lambda: page.text("#stroke-title") == "One character inserted", "the key")
        page.screenshot("inspect")
        assert page.do("complaints") == []
    finally:
        page.close()
        editor.close()


@pytest.mark.parametrize("engine", ["own", "shared"])
def test_kvlsp_inspect_shows_it_from_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("KVLSP_ENGINE", engine)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    editor = LspClient.spawn([sys.executable, "-m", "kvlsp", "serve", "--stdio"])
    page = Chromium()
    shell = None
    try:
        editor.initialize(name="an editor")
        editor.open(URI, CODE)
        while not list((tmp_path / "kvlsp").glob("editor-*.sock")):
            time.sleep(0.05)
        shell = subprocess.Popen([sys.executable, "-m", "kvlsp", "inspect", "--no-browser"], stdout=subprocess.PIPE,
                                 text=True)
        assert shell.stdout is not None
        assert editor.process is not None
        assert shell.stdout.readline() == f"Inspecting an editor (process {editor.process.pid}), 1 document.\n"
        address = re.search(r"http://127[^ ]+", shell.stdout.readline())
        assert address is not None
        page.do("open", url=address[0])
        page.wait(lambda: "all exact" in page.text("#rows"), "a cache that is exact")
        assert f"{editor.state(URI)['cachedTokens']:,} tokens resident" in page.text("#rows")
        editor.change(URI, edit(100, 0, 0, "x"))
        page.wait(lambda: page.text("#stroke-title") == "One character inserted", "the key")
        editor.process.send_signal(signal.SIGKILL)
        page.wait(lambda: "gone" in page.text("#state"), "the end of the daemon")
        after = LspClient.spawn([sys.executable, "-m", "kvlsp", "serve", "--stdio"])
        after.initialize(name="an editor")
        after.open(URI, CODE)
        page.wait(lambda: page.text("#state").strip() == "looking on", "the editor that was opened again")
        page.wait(lambda: "all exact" in page.text("#rows"), "its cache")
        after.close()
    finally:
        page.close()
        if shell is not None:
            shell.send_signal(signal.SIGINT)
            assert shell.wait(30) == 0
        if editor.process is not None and editor.process.poll() is None:
            os.kill(editor.process.pid, signal.SIGKILL)
        asking.stop()
