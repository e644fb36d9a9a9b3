"""Which open documents the memory of the workspace is told of: those that were left, changed, and may be told."""

from __future__ import annotations

import pytest

from kvlsp.engine.open_texts import LONGEST, OpenTexts
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope

PYTHON = {"python"}


def document(name: str, text: str = "x = 1\n", language: str = "python") -> Snapshot:
    return Snapshot(name if ":" in name else f"file:///w/{name}", 1, Rope.of(text), language)


def told(texts: OpenTexts, documents: list[Snapshot], current: str | None = None) -> list[tuple[str, str]]:
    """All that is due, told one after the other."""
    found = []
    while (uri := texts.due(documents, current, PYTHON)) is not None:
        found.append(texts.tell(uri, documents, PYTHON))
    return found


def test_one_that_was_left_is_told_once_and_again_when_it_has_changed():
    texts, here, left = OpenTexts(), document("here.py"), document("left.py")
    assert told(texts, [here, left], here.uri) == [(left.uri, "x = 1\n")]
    assert told(texts, [here, left], here.uri) == []
    changed = document("left.py", "y = 2\n")
    assert told(texts, [here, changed], here.uri) == [(left.uri, "y = 2\n")]
    assert told(texts, [here, changed]) == [(here.uri, "x = 1\n")]


def test_one_that_is_closed_is_forgotten():
    texts, one = OpenTexts(), document("one.py")
    told(texts, [one])
    assert told(texts, []) == [(one.uri, "")]
    assert told(texts, [one]) == [(one.uri, "x = 1\n")]


def test_secrets_data_and_other_languages_are_not_told():
    texts = OpenTexts()
    documents = [document("secrets.py"), document(".aws/of.py"), document("a.c", language="c"),
                 document("long.py", "x" * (LONGEST + 1))]
    assert told(texts, documents) == []


def test_what_no_longer_counts_is_forgotten():
    texts, one = OpenTexts(), document("one.py")
    told(texts, [one])
    long = document("one.py", "x" * (LONGEST + 1))
    assert told(texts, [long]) == [(one.uri, "")]
    assert texts.due([one], None, {"javascript"}) is None
    assert told(texts, [one]) == [(one.uri, "x = 1\n")]


def test_what_is_withheld_is_not_told_and_forgotten_where_it_was():
    texts, one, other = OpenTexts(), document("one.py"), document("other.py")
    texts.withhold([one.uri])
    assert told(texts, [one, other]) == [(other.uri, "x = 1\n")]
    texts.withhold([other.uri])
    assert told(texts, [one, other]) == [(other.uri, ""), (one.uri, "x = 1\n")]
    texts.withhold([one.uri])
    assert texts.tell(one.uri, [one, other], PYTHON) == (one.uri, "")


@pytest.mark.parametrize("again", ["file:///w/./one.py", "file:///w/%6Fne.py", "file://localhost/w/one.py",
                                   "file:/w/one.py", "vscode-remote://ssh-remote%2Bhost/w/one.py"])
def test_a_file_that_is_open_under_two_uris_is_one_file(again):
    texts, one, other = OpenTexts(), document("one.py"), document(again, "y = 2\n")
    assert told(texts, [one, other], other.uri) == []
    assert told(texts, [one, other], one.uri) == []
    assert told(texts, [one, other]) == [(one.uri, "y = 2\n")]
    assert told(texts, [one, other]) == []
    assert told(texts, [one]) == [(one.uri, "x = 1\n")]
    assert told(texts, [other]) == [(one.uri, "y = 2\n")]
    assert told(texts, []) == [(one.uri, "")]


def test_cells_of_one_notebook_are_documents_of_their_own():
    texts = OpenTexts()
    cells = [document(f"{scheme}:///w/a.ipynb#{cell}", cell)
             for scheme in ("vscode-notebook-cell", "file") for cell in "ab"]
    assert told(texts, cells) == [(cell.uri, str(cell.text)) for cell in cells]
