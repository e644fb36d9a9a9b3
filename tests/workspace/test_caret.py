"""Names in code, taken apart into words."""

from __future__ import annotations

from kvlsp.workspace.caret import parts_of


def test_parts_of_names():
    assert parts_of("readHTTPFile_at2") == ["read", "http", "file", "at", "2"]
    assert parts_of("__init__") == ["init"]
