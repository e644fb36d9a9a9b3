"""The page beside an editor: it shows the rows of what is open there, and each key as it comes."""

from __future__ import annotations

import pytest

from kvlsp.cli.daemon import own_engine
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
