"""The path that a URI names."""

from __future__ import annotations

import os

import pytest

from kvlsp.server.uris import path_of


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
