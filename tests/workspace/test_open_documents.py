"""Open documents take the place of their files, through whatever links they were opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kvlsp.workspace.messages import DocumentClosed, DocumentText, FilesChanged, Roots, Shown, Visited
from kvlsp.workspace.open_documents import really
from tests.workspace.talk import CIRCLE, opened
from tests.workspace.trees import ALLOWED, write_tree


def test_open_documents_win_until_they_are_closed(talk, root):
    talk.tell(Roots((str(root),)))
    text = opened(talk, root)
    opened(talk, root, "lib/shapes.py", "class Circle:\n    edge = 0\n")
    talk.rest()
    assert talk.ask(root / "app.py", len(text)).chunks == (Shown("lib/shapes.py", "class Circle:\n    edge = 0\n"),)
    talk.tell(DocumentClosed(str(root / "lib/shapes.py")))
    assert talk.ask(root / "app.py", len(text)).chunks == (CIRCLE,)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_a_workspace_behind_a_link(talk, root, tmp_path):
    (tmp_path / "link").symlink_to(root)
    linked = tmp_path / "link"
    talk.tell(Roots((str(linked),)))
    text = opened(talk, linked)
    talk.rest()
    answer = talk.ask(linked / "app.py", len(text))
    assert (answer.chunks, answer.path) == ((CIRCLE,), "app.py")
    write_tree(root, {"lib/shapes.py": "class Circle:\n    edge = 0\n"})
    talk.tell(FilesChanged((str(linked / "lib/shapes.py"),)))
    talk.rest()
    assert talk.ask(linked / "app.py", len(text)).chunks != answer.chunks


TOTAL = "def compute_total_of_orders(orders):\n    total = 0\n    return total\n"


@pytest.mark.parametrize("how", ["link", "folder", "hard", "outside", "both"])
def test_a_document_is_never_shown_its_own_file(talk, root, tmp_path, how):
    """However it was opened: what lies on the disk is an older state of what is being typed."""
    write_tree(root, {"sub/real.py": TOTAL})
    path = root / "sub/real.py"
    if how in ("link", "both"):
        path = root / "link.py"
        path.symlink_to("sub/real.py")
    elif how == "folder":
        (root / "folder").symlink_to("sub")
        path = root / "folder/real.py"
    elif how == "hard":
        path = root / "hard.py"
        os.link(root / "sub/real.py", path)
    elif how == "outside":
        path = tmp_path / "outside.py"
        path.symlink_to(root / "sub/real.py")
    talk.tell(DocumentText(str(path), "x = 1\n"), Roots((str(root),)))
    if how == "both":
        talk.tell(DocumentText(str(root / "sub/real.py"), TOTAL))
    text = "def main(orders):\n    compute_total_of_orders("
    talk.tell(DocumentText(str(path), text))
    talk.rest()
    places = (Visited(str(root / "sub/real.py"), 30, True),)
    assert talk.ask(path, len(text), places=places).chunks == ()
    if how == "both":  # then the other one's text counts again
        talk.tell(DocumentClosed(str(path)))
    shown = [chunk.path for chunk in talk.ask_new(root / "main.py", text)]
    assert shown == (["sub/real.py"] if how in ("hard", "both") else [])


def test_a_link_to_a_file_elsewhere_works_where_it_stands(talk, root, tmp_path):
    write_tree(tmp_path, {"elsewhere/app.py": ALLOWED["app.py"]})
    (root / "app.py").unlink()
    (root / "app.py").symlink_to(tmp_path / "elsewhere/app.py")
    talk.tell(Roots((str(root),)))
    text = opened(talk, root)
    talk.rest()
    answer = talk.ask(root / "app.py", len(text) - 2)
    assert (answer.chunks, answer.root, answer.path) == ((CIRCLE,), "project", "app.py")


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_a_link_is_followed_into_a_root_only(tmp_path):
    write_tree(tmp_path, {"inside/a.py": "", "outside/b.py": ""})
    folder = Path(os.path.realpath(tmp_path))
    for name in ("a", "b"):
        target = folder / ("inside" if name == "a" else "outside") / f"{name}.py"
        (folder / "inside" / f"link_to_{name}.py").symlink_to(target)
    (folder / "linked").symlink_to(folder / "inside")
    roots = [folder / "inside"]
    assert really(str(folder / "linked/link_to_a.py"), roots) == folder / "inside/a.py"
    assert really(str(folder / "linked/link_to_b.py"), roots) == folder / "inside/link_to_b.py"
