"""Which open documents no memory is told of: those that nobody would read if they were closed."""

from __future__ import annotations

from pathlib import Path

from kvlsp.workspace.messages import DocumentClosed, DocumentText, FilesChanged, Roots, Withheld
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
