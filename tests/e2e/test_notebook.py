"""A notebook in real VS Code, with the real daemon: a cell is completed with a name that only another cell has."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.e2e.support.editors import installed
from tests.e2e.support.tapped import TappedServer
from tests.e2e.support.vscode import LOADING, VSCode

pytestmark = [pytest.mark.vscode, pytest.mark.timeout(900)]

NAME = "notes.ipynb"
FIRST = """def orchard_harvest(trees, season):
    return sum(tree.yield_of(season) for tree in trees)


def orchard_costs(trees, season):
    return sum(tree.costs_of(season) for tree in trees)
"""
SECOND = "harvest = orchard_harvest(trees, 2025)\n"
GHOST = "() => [...document.querySelectorAll('.ghost-text-decoration')].map(e => e.textContent).join('')"


def notebook(*cells: str) -> str:
    written = [
        {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
        for source in cells
    ]
    about = {"language_info": {"name": "python"}, "kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return json.dumps({"cells": written, "metadata": about, "nbformat": 4, "nbformat_minor": 4})


def test_a_cell_is_completed_with_what_another_cell_defines(tmp_path: Path) -> None:
    editor = VSCode(installed("vscode", "code-server"), tmp_path)
    editor.tapped = server = TappedServer(tmp_path / "tap", [sys.executable, "-m", "kvlsp", "serve"])
    editor.change_settings({"kvlsp.server.command": server.command})

    def cells() -> list[str]:
        return [
            cell["document"]
            for opened in server.messages("notebookDocument/didOpen")
            for cell in opened["notebookDocument"]["cells"]
        ]

    try:
        editor.write(NAME, notebook(FIRST, SECOND, ""))
        editor.load()
        editor.press("Escape", "Control+P")
        editor.wait(
            lambda: editor.evaluate("() => document.activeElement?.closest('.quick-input-widget') != null"),
            what="Quick Open",
        )
        editor.do("type", text=NAME, delay=5)
        editor.wait(
            lambda: editor.evaluate(
                "() => document.querySelector('.quick-input-list .monaco-list-row .label-name')?.textContent"
            ),
            lambda found: found == NAME,
        )
        editor.press("Enter")
        editor.wait(
            lambda: editor.evaluate("() => document.querySelectorAll('.notebookOverlay .cell-editor-part').length"),
            lambda number: number >= 3,
            "the cells",
        )
        editor.wait(lambda: len(cells()), lambda number: number >= 3, "all cells in the daemon", LOADING)
        editor.wait_ready()
        editor.press("Escape", "Control+End", "Enter")
        editor.screenshot("notebook-before")
        editor.type("costs = or", delay=600)  # what the other cells say is put before the text at rest
        editor.wait(lambda: str(editor.evaluate(GHOST)), lambda text: text.startswith("chard_"), "ghost text")
        editor.screenshot("notebook-ghost")
        editor.press("Tab", "Control+S")
        saved = editor.wait(
            lambda: json.loads((editor.folder / NAME).read_text())["cells"][2]["source"], bool, "a saved notebook"
        )
        assert "".join(saved).startswith("costs = orchard_")
        assert all(uri.startswith("vscode-notebook-cell:") for uri in cells())
    finally:
        editor.close()
