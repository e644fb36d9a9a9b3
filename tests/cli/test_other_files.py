"""``kvlsp complete --cross-file``: what it would show the model, and that the model sees it."""

from __future__ import annotations

import json

import pytest

from kvlsp import cli
from kvlsp.cli.other_files import beside
from kvlsp.config import Settings
from kvlsp.messages import ContextChunk
from kvlsp.workspace import store

SHAPES = 'class Circle:\n    """Round."""\n\n    def area(self):\n        return 3\n'
MAIN = "from lib.shapes import Circle\n\n\ndef main():\n    shape = \n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "cache_folder", lambda: tmp_path / "kept")
    root = tmp_path / "project"
    (root / "lib").mkdir(parents=True)
    (root / "pyproject.toml").write_text("", encoding="utf-8")
    (root / "lib" / "shapes.py").write_text(SHAPES, encoding="utf-8")
    (root / "main.py").write_text(MAIN, encoding="utf-8")
    return root


def test_the_defining_file_stands_beside_the_document(project):
    asked = beside(MAIN, MAIN.index("= \n") + 2, project / "main.py", Settings())
    assert (asked.repository, asked.path) == ("project", "main.py")
    assert [chunk.path for chunk in asked.chunks] == ["lib/shapes.py"]
    assert "class Circle:" in asked.chunks[0].text
    assert isinstance(asked.chunks[0], ContextChunk)


def test_the_completion_is_made_behind_it(project, capsys):
    rows = []
    for options in ([], ["--cross-file"]):
        with pytest.raises(SystemExit) as left:
            cli.main(["complete", f"{project / 'main.py'}:5:13", "--json", "--threads", "1", *options])
        assert not left.value.code
        rows.append(json.loads(capsys.readouterr().out)["report"]["encoded"])
    assert rows[1] > rows[0] + 15
