"""What a memory of the workspace is told: files that may be read, once, and again when they have changed."""

from __future__ import annotations

import os
from pathlib import Path

from kvlsp.workspace.messages import DocumentClosed, DocumentText, FilesChanged, Recalled, Recollect, Roots
from tests.workspace.talk import Talk
from tests.workspace.trees import ALLOWED, EXCLUDE, write_forbidden


def recalled(talk: Talk) -> dict[str, str]:
    """What a memory knows that has heard all that was said, the last told last."""
    found: dict[str, str] = {}
    for message in talk.said:
        for path, text in message.files if isinstance(message, Recalled) else ():
            found.pop(path, None)
            if text:
                found[path] = text
    return found


def below(root: Path, *names: str) -> dict[str, str]:
    return {str(root / name): (root / name).read_text(encoding="utf-8") for name in names}


def test_a_memory_is_told_of_files_that_may_be_read_in_its_languages(talk, root):
    write_forbidden(root)
    talk.tell(Roots((str(root),), EXCLUDE), Recollect(("python",), 10_000))
    talk.rest()
    assert recalled(talk) == below(root, "app.py", "lib/shapes.py", "lib/kept.py")
    assert max(len(message.files) for message in talk.said if isinstance(message, Recalled)) == 1


def test_a_memory_is_told_of_changes_only(talk, root):
    talk.tell(Roots((str(root),)), Recollect(("python",), 10_000))
    talk.rest()
    before = len(talk.said)
    (root / "app.py").write_text("changed = 1\n")
    (root / "lib/kept.py").unlink()
    talk.tell(FilesChanged((str(root / "app.py"), str(root / "lib/kept.py"))))
    talk.rest()
    told = [message.files for message in talk.said[before:] if isinstance(message, Recalled)]
    assert told == [((str(root / "lib/kept.py"), ""),), ((str(root / "app.py"), "changed = 1\n"),)]
    before = len(talk.said)
    talk.rest()
    assert talk.said[before:] == []


def test_what_is_open_is_not_remembered_while_it_is(talk, root):
    talk.tell(DocumentText(str(root / "app.py"), "typed = 1\n"), Roots((str(root),)), Recollect(("python",), 10_000))
    talk.rest()
    assert recalled(talk) == below(root, "lib/shapes.py", "lib/kept.py")
    talk.tell(DocumentText(str(root / "lib/kept.py"), "KEPT = 2\n"))
    talk.rest()
    assert recalled(talk) == below(root, "lib/shapes.py")
    talk.tell(DocumentClosed(str(root / "app.py")))
    talk.rest()
    assert recalled(talk) == below(root, "app.py", "lib/shapes.py")


def test_of_too_many_files_those_that_changed_last_are_remembered_the_last_one_last(talk, root):
    for age, name in enumerate(("lib/kept.py", "app.py", "lib/shapes.py")):
        os.utime(root / name, (1000 - age, 1000 - age))
    room = len(ALLOWED["lib/kept.py"]) + len(ALLOWED["app.py"])
    talk.tell(Roots((str(root),)), Recollect(("python",), room))
    talk.rest()
    assert list(recalled(talk)) == [str(root / "app.py"), str(root / "lib/kept.py")]
    talk.tell(Recollect(()))
    talk.rest()
    assert recalled(talk) == {}
