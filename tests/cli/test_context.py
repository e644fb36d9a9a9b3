"""``kvlsp context`` as a person and as a program meet it."""

from __future__ import annotations

import json

import pytest

from kvlsp import cli
from kvlsp.cli.project import root_of
from kvlsp.config import Settings
from kvlsp.workspace import store
from kvlsp.workspace.service import tokens
from tests.workspace.trees import ALLOWED, FORBIDDEN, RULES, write_tree


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "cache_folder", lambda: tmp_path / "kept")
    root = tmp_path / "project"
    write_tree(root, {**ALLOWED, **FORBIDDEN, **RULES, "pyproject.toml": ""})
    return root


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        cli.main(["context", *arguments])
    said = capsys.readouterr()
    return int(left.value.code or 0), said.out, said.err


def test_for_people(capsys, project):
    code, out, _ = run(capsys, f"{project / 'app.py'}:5:5")
    assert code == 0
    assert "1. lib/shapes.py:1 (definition" in out
    assert "Circle is imported, not used yet" in out
    assert "   | class Circle:" in out
    assert "Never read:" in out
    assert "PASSWORD" not in out


def test_for_programs(capsys, project):
    code, out, _ = run(capsys, f"{project / 'app.py'}:5:5", "--json", "--exclude", "web/")
    report = json.loads(out)
    assert code == 0
    assert (report["root"], report["problems"], report["refused"]["excluded by kvlsp.exclude"]) == (str(project), [], 1)
    [chunk] = report["chunks"]
    assert (chunk["path"], chunk["line"], chunk["kind"], chunk["name"]) == ("lib/shapes.py", 1, "definition", "Circle")
    assert (report["characters"], report["tokens"]) == (len(chunk["text"]), tokens(chunk["text"]))
    assert report["budget"] == Settings().cross_file_tokens
    assert json.loads(run(capsys, f"{project / 'app.py'}:5:5", "--json", "--tokens", str(report["tokens"] - 1))[1])[
        "chunks"] == []
    assert json.loads(run(capsys, f"{project / 'app.py'}:5:5", "--json", "--exclude", "web/")[1])["read"] == 0


def test_nothing_to_say(capsys, project):
    code, out, _ = run(capsys, f"{project / 'lib/kept.py'}:1:1")
    assert code == 0
    assert "Nothing in the other files fits this place." in out


@pytest.mark.parametrize(("root", "sentence"), [("lib", "is not inside"), ("app.py", "is not a folder")])
def test_a_root_that_does_not_fit(capsys, project, root, sentence):
    code, out, err = run(capsys, f"{project / 'app.py'}:5:5", "--root", str(project / root))
    assert (code, out) == (2, "")
    assert sentence in err


def test_the_nearest_project_is_the_root(project, tmp_path):
    assert root_of(project / "lib" / "shapes.py") == project
    (project / "lib" / ".git").mkdir()
    assert root_of(project / "lib" / "shapes.py") == project / "lib"
