"""Import statements of many languages meet the paths they mean, without a line about any language."""

from __future__ import annotations

import pytest

from kvlsp.workspace.imports import match, module_of
from kvlsp.workspace.outline import words_of


@pytest.mark.parametrize(("path", "module"), [
    ("a/b/c.py", ("a", "b", "c")), ("a/b/__init__.py", ("a", "b")), ("web/index.ts", ("web",)),
    ("src/lib.rs", ("src",)),
    ("x.py", ("x",)), ("__init__.py", ("__init__",)), ("lib.py", ("lib",)),
])  # fmt: skip
def test_names_of_modules(path, module):
    assert module_of(path) == module


@pytest.mark.parametrize(("statement", "path", "expected"), [
    ("from kvlsp.text.rope import Rope", "kvlsp/text/rope.py", 3), ("from .rope import Rope", "kvlsp/text/rope.py", 1),
    ("from kvlsp.text import rope", "kvlsp/text/rope.py", 3), ("from kvlsp.text import Rope", "kvlsp/text/rope.py", 1),
    ("import { area } from '../lib/shapes';", "src/lib/shapes.ts", 2),
    ("use crate::text::rope::Rope;", "src/text/rope.rs", 2),
    ("import text.rope.Rope;", "src/text/rope/Rope.java", 3), ('#include "text/rope.h"', "text/rope.h", 2),
    ('import "example.org/shop/cart"', "shop/cart/total.go", 1),
    ("from kvlsp.text.rope import Rope", "kvlsp/text/edit.py", 1),
    ("import os", "kvlsp/text/rope.py", 0), ("", "rope.py", 0),
])  # fmt: skip
def test_how_well_they_fit(statement, path, expected):
    assert match(words_of(statement), path) == expected
