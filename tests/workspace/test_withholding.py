"""Which open documents no memory is told of: those that nobody would read if they were closed."""

from __future__ import annotations

from pathlib import Path

from kvlsp.workspace.messages import Condition, DocumentClosed, DocumentText, FilesChanged, PartOpened, Roots, Withheld
from tests.workspace.talk import Talk


def withheld(talk: Talk) -> tuple[str, ...]:
    """Their names, as was said last."""
    paths = next((message.paths for message in reversed(talk.said) if isinstance(message, Withheld)), ())
    return tuple(Path(path).name for path in paths)


def test_no_memory_is_told_of_open_documents_that_would_not_be_read(talk, root):
    (root / ".gitignore").write_text("drafts/\n/mine.py\n")
    names = ("app.py", "new.py", "mine.py", "drafts/a.py", "other.snap.py", "node_modules/a.py", "api_pb2.py",
             "lib/secrets/a.py")
    talk.tell(DocumentText("untitled:1", "", "python"))
    talk.tell(*(DocumentText(str(root / name), "x = 1\n") for name in names[:4]))
    assert withheld(talk) == ()
    talk.tell(Roots((str(root),), ("*.snap.py",)))
    assert withheld(talk) == ("a.py", "mine.py")
    talk.tell(*(DocumentText(str(root / name), "x = 1\n") for name in names[4:]))
    assert withheld(talk) == ("api_pb2.py", "a.py", "a.py", "mine.py", "a.py", "other.snap.py")
    talk.tell(*(DocumentClosed(str(root / name)) for name in names[5:]))
    assert withheld(talk) == ("a.py", "mine.py", "other.snap.py")
    talk.tell(Roots((str(root),)))
    assert withheld(talk) == ("a.py", "mine.py")
    (root / ".gitignore").write_text("new.py\n")
    talk.tell(FilesChanged((str(root / ".gitignore"),)))
    talk.rest()
    assert withheld(talk) == ("new.py",)
    talk.tell(Roots(()))
    assert withheld(talk) == ()


def test_cells_and_other_parts_of_files_are_withheld_with_their_files(talk, root):
    (root / ".gitignore").write_text("drafts/\n")
    talk.tell(PartOpened("early", str(root / "drafts" / "n.ipynb")), Roots((str(root),), ("*.snap.ipynb",)))
    assert withheld(talk) == ("early",)
    parts = {"cell": "n.ipynb", "snap": "a.snap.ipynb", "draft": "drafts/a.py", "secret": "secrets/n.ipynb"}
    talk.tell(*(PartOpened(name, str(root / path)) for name, path in parts.items()),
              PartOpened("elsewhere", str(root.parent / "drafts" / "n.ipynb")))
    assert withheld(talk) == ("draft", "early", "secret", "snap")
    talk.tell(Roots((str(root),)))
    assert withheld(talk) == ("draft", "early", "secret")
    talk.tell(DocumentClosed("draft"), DocumentClosed("early"))
    assert withheld(talk) == ("secret",)


def test_a_document_that_will_be_saved_at_a_path_is_withheld_like_the_file_there(talk, root):
    (root / ".gitignore").write_text("drafts/\n")
    uris = {f"untitled:{root}/{name}": str(root / name) for name in ("drafts/new.py", "other.py")}
    talk.tell(Roots((str(root),)), *(PartOpened(uri, path) for uri, path in uris.items()),
              *(DocumentText(uri, "x = 1\n", "python") for uri in uris))
    talk.rest()
    assert withheld(talk) == ("new.py",)
    talk.tell(*(DocumentClosed(uri) for uri in uris))
    assert withheld(talk) == ()


def test_what_was_withheld_stays_so_when_the_root_is_gone(talk, root):
    (root / ".gitignore").write_text("drafts/\n")
    talk.tell(Roots((str(root),)), DocumentText(str(root / "drafts" / "a.py"), "x = 1\n"),
              DocumentText(str(root / "app.py"), "x = 1\n"))
    talk.rest()
    root.rename(root.with_name("elsewhere"))
    talk.tell(FilesChanged((str(root),)))
    talk.rest()
    assert withheld(talk) == ("a.py",)
    root.mkdir()
    talk.tell(FilesChanged((str(root),)))
    talk.rest()
    assert withheld(talk) == ()


def test_a_file_that_is_open_under_two_names_stays_open_until_both_are_closed(talk, root):
    talk.tell(Roots((str(root),)), DocumentText(str(root / "app.py"), "x = 1\n"),
              DocumentText("file:///w/./app.py", "y = 2\n", None, str(root / "app.py")))
    [index] = talk.made[-1].indexes
    assert index.is_open(root / "app.py")
    talk.tell(DocumentClosed(str(root / "app.py")))
    assert index.is_open(root / "app.py")
    talk.tell(DocumentClosed("file:///w/./app.py"))
    assert not index.is_open(root / "app.py")


def test_a_glob_with_a_slip_withholds_what_begins_like_it_and_is_named(talk, root):
    names = ("app.py", "mine/a.py", "theirs/b.py")
    talk.tell(Roots((str(root),), ("mine/", "the[")), *(DocumentText(str(root / name), "x = 1\n") for name in names))
    assert withheld(talk) == ("a.py", "b.py")
    conditions = [message for message in talk.said if isinstance(message, Condition)]
    assert conditions[-1].roots == 1
    assert "'the['" in conditions[-1].problems[0]
    talk.tell(Roots((str(root),), ("mine/",)))
    assert withheld(talk) == ("a.py",)
    assert [message for message in talk.said if isinstance(message, Condition)][-1].problems == ()
