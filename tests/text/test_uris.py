"""The path that a URI names, and which URIs name one file."""

from __future__ import annotations

import os

import pytest

from kvlsp.text.uris import file_of, is_untitled, path_of, path_within


@pytest.mark.parametrize(("uri", "path"), [
    ("file:///a%20b/c.py", "/a b/c.py"), ("untitled:Untitled-1", None), ("vscode-notebook-cell:/a.ipynb#x", None),
    ("git:/a.py", None), ("", None), ("file", None), ("file://[", None), ("file:///a%00b.py", None), ("file://", None),
    ("file:///a;b.py", "/a;b.py"), ("file:///a%3Bb/%C3%A9.py", "/a;b/é.py"), ("file:/a/../b.py", "/b.py"),
    ("FILE://LocalHost/a.py", "/a.py"), ("file://share/a.py", "//share/a.py"),
    ("file:///caf%E9/%C3%A9.py", "/caf\udce9/é.py"),
])
@pytest.mark.skipif(os.name == "nt", reason="paths with slashes")
def test_paths_of_uris(uri, path):
    assert path_of(uri) == path


@pytest.mark.parametrize("uri", ["file:///C:/a.py", "file:///c%3A/a.py"])
def test_a_drive_has_one_spelling(uri):
    assert path_of(uri) == os.path.normpath("c:/a.py")


@pytest.mark.parametrize(("uri", "path"), [
    ("file:///a/./b.py", "/a/b.py"), ("vscode-notebook-cell:/a/n.ipynb#x", "/a/n.ipynb"),
    ("file:///n.ipynb#x", "/n.ipynb"),
    ("vscode-remote://wsl%2Bubuntu/a%20b/../c.py", "/c.py"), ("vscode-vfs://github/own/er.py", "/own/er.py"),
    ("nb#a", None), ("untitled:Untitled-1", None), ("jupyter:a/b", None), ("weird://[/a.py", None),
    ("x:/a%00", None), ("", None),
])  # fmt: skip
@pytest.mark.skipif(os.name == "nt", reason="paths with slashes")
def test_paths_in_uris_of_any_scheme(uri, path):
    assert path_within(uri) == path


@pytest.mark.parametrize(("one", "other", "same"), [
    ("file:///a/b.py", "file:///a/%62.py", True), ("file:///c%3A/b.py", "file:///C:/b.py", True),
    ("file:///a/b.py", "FILE://localhost/a/x/../b.py", True), ("file:///a/b.py", "vscode-remote://host/a/b.py", True),
    ("file:///a%2fb.py", "file:///a%2Fb.py", True), ("file:///a/b.py", "file:///a/B.py", False),
    ("file:///a.ipynb#1", "file:///a.ipynb#2", False),
    ("vscode-remote://h/a.ipynb#1", "vscode-remote://h/a.ipynb#2", False), ("untitled:a", "untitled:b", False),
    ("git:/a.py", "file:///a.py", False), ("weird://[/a.py", "file:///a.py", False),
])  # fmt: skip
def test_which_uris_name_one_file(one, other, same):
    assert (file_of(one) == file_of(other)) == same


def test_documents_that_were_never_saved():
    uris = ("untitled:a", "file://", "file:///", "vscode-remote://h/a")
    assert [uri for uri in uris if is_untitled(uri)] == ["untitled:a", "file://"]
