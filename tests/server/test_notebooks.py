"""The other cells of a notebook are shown to the model before the one in which somebody works."""

from __future__ import annotations

from typing import Any

import pytest

from kvlsp.messages import PlaceContext
from kvlsp.server.notebooks import Notebooks
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope
from tests.support.conversation import Conversation


@pytest.fixture
def talk() -> Conversation:
    talk = Conversation()
    talk.start()
    return talk


def document(uri: str, text: str, language: str = "python") -> dict[str, Any]:
    return {"uri": uri, "languageId": language, "version": 1, "text": text}


def open_notebook(talk: Conversation, *cells: dict[str, Any]) -> None:
    notebook = {"uri": "file:///w/my%20notes.ipynb", "notebookType": "jupyter-notebook", "version": 1,
                "cells": [{"kind": 2, "document": cell["uri"]} for cell in cells]}
    talk.notify("notebookDocument/didOpen", {"notebookDocument": notebook, "cellTextDocuments": list(cells)})


def change(talk: Conversation, **cells: Any) -> None:
    talk.notify("notebookDocument/didChange", {
        "notebookDocument": {"uri": "file:///w/my%20notes.ipynb", "version": 2}, "change": {"cells": cells}})


def typed(talk: Conversation, uri: str, version: int, text: str) -> None:
    here = {"line": 0, "character": 0}
    change(talk, textContent=[{"document": {"uri": uri, "version": version}, "changes": [
        {"range": {"start": here, "end": here}, "text": text}]}])


def shown(talk: Conversation) -> list[tuple[str, list[str]]]:
    """For each context that was placed: the cell, and the texts it sees."""
    assert talk.engine is not None
    return [(message.uri, [chunk.text for chunk in message.chunks]) for message in talk.engine.messages
            if isinstance(message, PlaceContext)]


def test_a_cell_sees_those_before_and_behind_it_in_order(talk):
    open_notebook(talk, document("nb#a", "import os\n"), document("nb#t", "# Title", "markdown"),
                  document("nb#b", "x = 1"), document("nb#c", ""), document("nb#d", "y = 2\n"))
    typed(talk, "nb#c", 2, "z")
    assert shown(talk) == [("nb#c", ["import os\n", "x = 1\n", "y = 2\n"])]
    placed = next(message for message in talk.engine.messages if isinstance(message, PlaceContext))
    assert {chunk.path for chunk in placed.chunks} == {"my notes.ipynb"}


def test_going_on_in_the_same_cell_places_nothing_again(talk):
    open_notebook(talk, document("nb#a", "import os\n"), document("nb#b", ""))
    for version in range(2, 6):
        typed(talk, "nb#b", version, "z")
    assert len(shown(talk)) == 1


def test_who_comes_back_sees_what_has_changed_meanwhile(talk):
    open_notebook(talk, document("nb#a", "x\n"), document("nb#b", "y\n"))
    typed(talk, "nb#b", 2, "1")
    typed(talk, "nb#a", 2, "2")
    typed(talk, "nb#b", 3, "3")
    assert shown(talk) == [("nb#b", ["x\n"]), ("nb#a", ["1y\n"]), ("nb#b", ["2x\n"])]


def test_a_request_in_another_cell_is_a_visit_too(talk):
    open_notebook(talk, document("nb#a", "import os\n"), document("nb#b", ""))
    talk.request("textDocument/inlineCompletion", {"textDocument": {"uri": "nb#b"}, "context": {"triggerKind": 1},
                                                   "position": {"line": 0, "character": 0}})
    assert shown(talk) == [("nb#b", ["import os\n"])]


def test_cells_that_are_added_moved_and_taken_away(talk):
    open_notebook(talk, document("nb#a", "a\n"), document("nb#b", "b\n"))
    typed(talk, "nb#b", 2, "1")
    change(talk, structure={"array": {"start": 0, "deleteCount": 1, "cells": [{"kind": 2, "document": "nb#n"}]},
                            "didOpen": [document("nb#n", "new\n")], "didClose": [{"uri": "nb#a"}]})
    typed(talk, "nb#b", 3, "2")
    assert shown(talk)[-1] == ("nb#b", ["new\n"])
    change(talk, structure={"array": {"start": 1, "deleteCount": 1, "cells": []}})
    typed(talk, "nb#b", 4, "3")
    assert shown(talk)[-1] == ("nb#b", ["new\n"]), "a document that is no cell any more is shown nothing new"


def test_cells_that_come_as_documents_belong_together_by_their_path(talk):
    for number, text in enumerate(("import os\n", "x = 1\n", "")):
        talk.open(f"vscode-notebook-cell:/w/a.ipynb#W{number}", text)
    talk.open("vscode-notebook-cell:/w/other.ipynb#W0", "no = 1\n")
    here = {"line": 0, "character": 0}
    talk.change("vscode-notebook-cell:/w/a.ipynb#W2", 2, {"range": {"start": here, "end": here}, "text": "z"})
    assert shown(talk) == [("vscode-notebook-cell:/w/a.ipynb#W2", ["import os\n", "x = 1\n"])]


def test_the_nearest_cells_before_come_first_where_not_all_have_room():
    notebooks, names = Notebooks(), [f"nb#{number}" for number in range(6)]
    notebooks.opened("nb", names)
    texts = {name: Snapshot(name, 1, Rope.of(f"{name} {'x' * 40}\n"), "python") for name in names}
    found = notebooks.visited("nb#4", texts.get, 40)
    assert [chunk.text[:4] for chunk in found.chunks] == ["nb#2", "nb#3"]
    assert notebooks.visited("nb#4", texts.get, 40) is None
    notebooks.closed("nb")
    assert notebooks.visited("nb#3", texts.get, 40) is None


def test_a_change_of_a_cell_that_nobody_knows_leaves_those_of_the_others(talk):
    open_notebook(talk, document("nb#a", "a"), document("nb#b", "b"), document("nb#c", "c"))
    change(talk, textContent=[
        {"document": {"uri": "nb#nobody", "version": 2}, "changes": [{"text": "x"}]},
        {"document": {"uri": "nb#a", "version": 2}, "changes": [{"text": "aa"}]},
    ], structure={"array": {"start": 2, "deleteCount": 1}, "didClose": [{"uri": "nb#c"}]})  # fmt: skip
    assert (talk.text("nb#a"), talk.text("nb#b")) == ("aa", "b")
    assert talk.server.documents.snapshot("nb#c") is None
    assert "nb#nobody, which is not open" in talk.notified("window/logMessage")[-1]["message"]


@pytest.mark.parametrize("most", [2**31, 2**32 - 1, 2**64 - 1])
def test_all_cells_to_the_last_one_may_be_deleted_by_the_largest_number_of_a_language(talk, most):
    open_notebook(talk, document("nb#a", "a\n"), document("nb#b", "b\n"), document("nb#c", "c\n"))
    change(talk, structure={"array": {"start": 1, "deleteCount": most, "cells": [{"kind": 2, "document": "nb#d"}]},
                            "didOpen": [document("nb#d", "")]})
    typed(talk, "nb#d", 2, "d")
    assert shown(talk) == [("nb#d", ["a\n"])]
    assert talk.notified("window/showMessage") == []


def test_globs_that_name_a_notebook_name_its_cells(talk):
    talk.notify("workspace/didChangeConfiguration", {"settings": {"kvlsp": {"disabledFiles": ["my notes.*"]}}})
    open_notebook(talk, document("nb#a", "x = 1\n"))
    talk.open("nb#b", "x = 1\n")
    numbers = [talk.complete(uri) for uri in ("nb#a", "nb#b")]
    talk.loop.run()
    assert [bool(talk.answers(number)[0]["result"]) for number in numbers] == [False, True]
