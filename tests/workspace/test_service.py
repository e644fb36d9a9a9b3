"""A workspace asked by messages: what it answers, what it never tells, and in which state it says it is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from kvlsp.workspace.burst import QUIET
from kvlsp.workspace.index import Index
from kvlsp.workspace.messages import (
    Condition,
    DocumentClosed,
    DocumentText,
    FilesChanged,
    Retrieved,
    Roots,
    Shown,
    Visited,
)
from kvlsp.workspace.service import is_wide, tokens
from tests.workspace.opened import opened_below
from tests.workspace.talk import CIRCLE, opened
from tests.workspace.trees import ALLOWED, EXCLUDE, write_forbidden, write_tree


def test_an_imported_definition_is_shown(talk, root):
    talk.tell(Roots((str(root),)))
    text = opened(talk, root)
    condition = talk.rest()
    assert (condition.roots, condition.files, condition.indexing, condition.settled) == (1, len(ALLOWED), False, True)
    answer = talk.ask(root / "app.py", len(text) - 2)
    assert answer.chunks == (CIRCLE,)
    assert (answer.root, answer.path) == ("project", "app.py")
    assert text[slice(*answer.within)] == "def main():\n    return Circle(1)\n"


def test_a_document_that_was_never_saved_is_shown_what_it_imports(talk, root):
    talk.tell(Roots((str(root),)))
    text = ALLOWED["app.py"]
    talk.tell(DocumentText("untitled:Untitled-1", text, "python"))
    assert talk.rest().files == len(ALLOWED)
    answer = talk.ask(Path("untitled:Untitled-1"), len(text) - 2)
    assert answer.chunks == (CIRCLE,)
    assert (answer.root, answer.path) == ("project", "untitled.py")
    assert text[slice(*answer.within)] == "def main():\n    return Circle(1)\n"
    talk.tell(DocumentText("untitled:Untitled-2", text, "klingon"))  # no imports are known, but words are
    answer = talk.ask(Path("untitled:Untitled-2"), len(text) - 2)
    assert (answer.path, answer.within) == ("", (0, len(text)))
    talk.tell(DocumentClosed("untitled:Untitled-1"), DocumentClosed("untitled:Untitled-2"), Roots(()))
    talk.tell(DocumentText("untitled:Untitled-1", text, "python"))
    assert talk.ask(Path("untitled:Untitled-1"), 3).chunks == ()


def test_the_budget_counts_tokens(talk, root):
    talk.tell(Roots((str(root),)))
    text = opened(talk, root)
    talk.rest()
    cost = tokens(CIRCLE.text.rstrip("\n"))
    assert talk.ask(root / "app.py", len(text), cost).chunks == (CIRCLE,)
    assert talk.ask(root / "app.py", len(text), cost - 1).chunks == ()


def test_files_that_the_editor_says_have_changed(talk, root):
    talk.tell(Roots((str(root),)))
    text = opened(talk, root)
    talk.rest()
    write_tree(root, {"lib/shapes.py": "class Circle:\n    edge = 0\n"})
    before = len(talk.said)
    talk.tell(FilesChanged((str(root / "lib/shapes.py"), "/elsewhere/a.py")))
    assert talk.rest().settled
    assert len(talk.said) > before
    assert talk.ask(root / "app.py", len(text)).chunks == (Shown("lib/shapes.py", "class Circle:\n    edge = 0\n"),)


def test_regions_of_other_documents_come_after_definitions(talk, root):
    write_tree(root, {"lib/other.py": "speed = 1\n", ".env.py": "PASSWORD = 1\n"})
    talk.tell(Roots((str(root),)))
    text = opened(talk, root)
    opened(talk, root, "lib/other.py", "speed = 2\n")
    opened(talk, root, ".env.py", "PASSWORD = 1\n")
    talk.rest()
    places = (Visited(str(root / ".env.py"), 0, True), Visited(str(root / "lib/other.py"), 0, True),
              Visited(str(root / "unknown.py"), 0, True))
    found = talk.ask(root / "app.py", len(text), places=places).chunks
    assert found == (Shown("lib/other.py", "speed = 2\n"), CIRCLE)  # placed by path, but chosen in this order:
    talk.tell(DocumentClosed(str(root / "app.py")))
    opened(talk, root)
    just_one = tokens(CIRCLE.text)
    assert talk.ask(root / "app.py", len(text), just_one, places).chunks == (CIRCLE,)


def test_what_is_placed_keeps_its_place(talk, root):
    write_tree(root, {"a.py": "def area(circle):\n    return circle.radius\n"})
    talk.tell(Roots((str(root),)))
    head = "from lib.shapes import Circle\n"
    opened(talk, root, text=head + "Circle\n")
    talk.rest()
    assert [chunk.path for chunk in talk.ask(root / "app.py", len(head)).chunks or ()] == ["lib/shapes.py"]
    opened(talk, root, text=head + "from a import area\narea(Circle)\n")
    assert [chunk.path for chunk in talk.ask(root / "app.py", 60).chunks or ()] == ["lib/shapes.py", "a.py"]


def test_two_roots_and_one_less(talk, root, tmp_path):
    write_tree(tmp_path / "second", {"shapes.py": "class Circle:\n    second = 2\n"})
    second = (tmp_path / "second").resolve()
    talk.tell(Roots((str(root), str(second))))
    assert (talk.rest().roots, talk.rest().files) == (2, len(ALLOWED) + 1)
    talk.tell(Roots((str(second),)))
    assert (talk.rest().roots, talk.rest().files) == (1, 1)
    assert len(talk.made) == 1
    text = opened(talk, root)
    assert talk.ask(root / "app.py", len(text)) == Retrieved(talk.said[-1].number, (), talk.said[-1].within)
    talk.tell(Roots(()))
    assert talk.said[-1] == Condition(0, 0, 0, settled=True)
    assert talk.service.due() is None


def test_other_globs_take_effect_at_once(talk, root):
    talk.tell(Roots((str(root),)))
    text = opened(talk, root)
    talk.rest()
    talk.tell(Roots((str(root),), ("lib/",)))
    assert talk.rest().files == 2
    assert talk.ask(root / "app.py", len(text)).chunks == ()
    talk.tell(Roots((str(root),), ()))
    talk.rest()
    assert talk.ask(root / "app.py", len(text)).chunks == (CIRCLE,)


def test_nothing_excluded_is_opened(talk, tmp_path):
    root = tmp_path / "forbidden"
    root.mkdir()
    links = write_forbidden(root)
    with opened_below(root) as seen:
        talk.tell(Roots((str(root),), EXCLUDE))
        opened(talk, root, "app.py")
        opened(talk, root, ".env.py", "PASSWORD = 1\n")
        talk.rest()
        talk.tell(FilesChanged(tuple(str(root / name) for name in [".env", "secrets/token.py", "snap/a.py", *links])))
        talk.rest()
        answer = talk.ask(root / "app.py", 60, places=(Visited(str(root / ".env.py"), 0, True),))
        talk.tell(DocumentClosed(str(root / ".env.py")))
        talk.rest()
    read = {path for event, path in seen if event == "open"}
    assert {path for path in read if not path.endswith((".gitignore", ".git/info/exclude"))} == \
        {"lib/shapes.py", "web/view.ts", "lib/kept.py"}  # app.py is open
    assert answer.chunks == (CIRCLE,)


def test_a_folder_that_holds_everything_is_not_indexed(talk, root, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: root)
    talk.tell(Roots((str(root),)))
    assert talk.said == [Condition(0, 0, 0, problems=talk.said[0].problems, settled=True)]
    assert "holds more than a project" in talk.said[0].problems[0]
    assert is_wide(Path(root.anchor))
    assert is_wide(root.parent)
    assert not is_wide(root / "lib")


def test_a_folder_that_is_not_there(talk, tmp_path):
    talk.tell(Roots((str(tmp_path / "nowhere"),)))
    condition = talk.rest()
    assert (condition.files, condition.settled) == (0, True)
    assert "is not there" in condition.problems[0]


def test_a_question_is_always_answered(talk, root, monkeypatch):
    assert talk.ask(root / "app.py", 3).chunks is None
    text = opened(talk, root)
    assert talk.ask(root / "app.py", 999).chunks == ()
    talk.tell(Roots((str(root),)))
    talk.rest()

    def broken(*_arguments, **_options):
        raise RuntimeError("secret text")

    monkeypatch.setattr("kvlsp.workspace.service.retrieve", broken)
    assert talk.ask(root / "app.py", len(text)).chunks is None


def test_progress_is_told_now_and_then(talk, root):
    write_tree(root, {f"many/f{number}.py": f"x{number} = 1\n" for number in range(60)})
    talk.tell(Roots((str(root),)))
    talk.clock.pass_(QUIET)
    while talk.service.due() == 0.0:
        talk.clock.pass_(0.1)
        talk.service.step()
    told = [one for one in talk.said if isinstance(one, Condition)]
    reading = [one for one in told if one.indexing and one.total]
    assert 3 < len(reading) < 30
    assert all(one.total == 64 and not one.settled for one in reading)
    assert [one.done for one in reading] == sorted(one.done for one in reading)
    assert (told[-1].indexing, told[-1].settled, told[-1].files) == (False, True, 64)


def test_what_fails_in_a_step_is_said_and_costs_nobody_the_rest(talk, root, monkeypatch):
    failing = [True]
    read = Index._read

    def broken(self, path):
        if failing[0] and path.name == "kept.py":
            raise RuntimeError("user text")
        return read(self, path)

    monkeypatch.setattr(Index, "_read", broken)
    talk.tell(Roots((str(root),)))
    condition = talk.rest()
    assert "RuntimeError" in condition.problems[0]
    assert "user text" not in condition.problems[0]
    failing[0] = False
    talk.made[0].watcher.rescan(root)
    condition = talk.rest()
    assert (condition.files, condition.problems) == (len(ALLOWED), ())


@pytest.mark.skipif(sys.platform != "linux", reason="there, every name is Unicode")
def test_a_root_whose_name_is_not_unicode_is_read(talk, tmp_path):
    root = tmp_path / os.fsdecode(b"caf\xe9")
    write_tree(root, ALLOWED)
    talk.tell(DocumentText(str(root / "app.py"), ALLOWED["app.py"]), Roots((str(root),)))
    condition = talk.rest()
    assert (condition.files, condition.problems) == (len(ALLOWED), ())
    assert talk.ask(root / "app.py", len(ALLOWED["app.py"])).path == "app.py"
