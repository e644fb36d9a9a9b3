"""Source in, outline out: names, signatures, doc lines and what a model would see, in every language."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given, settings

from kvlsp.syntax.language import Language
from kvlsp.workspace.outline import LONGEST, SHORT, Definition, outline_of
from tests.support.nasty import nasty_text
from tests.syntax.samples import SAMPLES

PYTHON = '''\
import os
from kvlsp.text import (
    rope,
)

LIMIT = 3


@dataclass(frozen=True)
class Shape(Base):
    """What has an area.

    More.
    """

    @property
    def area(self) -> float:
        """In square units."""
        return 0

    def grow(
        self,
        by: int = 1,
    ) -> None:
PADDING

    class Inner:
        pass


# Draws it.
# Slowly.
async def draw(shape): return 1
'''.replace("PADDING", "\n".join(f"        self.n{i} = {i} * by  # padding to be long" for i in range(30)))


def python() -> dict[str, Definition]:
    outline = outline_of(language("python"), PYTHON)
    return {definition.name: definition for definition in outline.definitions}


def language(name: str) -> Language:
    return next(found for found in Language.all() if found.name == name)


def test_python():
    outline = outline_of(language("python"), PYTHON)
    assert outline.imports == ("import os", "from kvlsp.text import ( rope, )")
    assert [(d.name, d.inside, d.signature, d.doc) for d in outline.definitions] == [
        ("LIMIT", "", "LIMIT = 3", ""),
        ("Shape", "", "class Shape(Base):", "What has an area."),
        ("area", "Shape", "def area(self) -> float:", "In square units."),
        ("grow", "Shape", "def grow( self, by: int = 1, ) -> None:", ""),
        ("Inner", "Shape", "class Inner:", ""),
        ("draw", "", "async def draw(shape):", "Draws it."),
    ]


def test_a_long_class_shows_its_members_heads():
    assert python()["Shape"].text == textwrap.dedent('''\
        @dataclass(frozen=True)
        class Shape(Base):
            # What has an area.
            @property
            def area(self) -> float:
            def grow(
                self,
                by: int = 1,
            ) -> None:
            class Inner:''')


def test_lines_count_from_zero_and_include_decorators():
    found = python()
    lines = PYTHON.split("\n")
    assert lines[found["Shape"].line] == "@dataclass(frozen=True)"
    assert lines[found["area"].line].strip() == "@property"
    assert lines[found["area"].end - 1].strip() == "return 0"
    assert found["area"].text.startswith("    @property\n    def area")
    assert found["draw"].text == "async def draw(shape): return 1"


@pytest.mark.parametrize(("name", "text", "expected"), [
    ("javascript", "/** Adds.\n *  Well.\n */\nexport function add(a, b) {\n  return a + b;\n}\n", ("add", "Adds.")),
    ("typescript", "// A point.\ninterface Point {\n  x: number;\n}\n", ("Point", "A point.")),
    ("rust", "/// Grows.\n#[inline]\nfn grow(x: u32) -> u32 {\n    x\n}\n", ("grow", "Grows.")),
    ("go", "// Grow grows.\nfunc (s *Shape) Grow() int {\n\treturn 1\n}\n", ("Grow", "Grow grows.")),
    ("java", "class A {\n  /* Runs. */\n  int run(int y) { return y; }\n}\n", ("run", "Runs.")),
    ("c", "/*\n * Opens.\n */\nstatic file *open_it(const char *path)\n{\n  return 0;\n}\n", ("open_it", "Opens.")),
    ("cpp", "// Area.\ndouble Shape::area() const { return 1; }\n", ("area", "Area.")),
])  # fmt: skip
def test_docs_and_names_in_other_languages(name, text, expected):
    definition = outline_of(language(name), text).definitions[-1]
    assert (definition.name, definition.doc) == expected
    assert "{" not in definition.signature or name == "typescript"


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_every_language_has_definitions_and_imports(name):
    outline = outline_of(language(name), SAMPLES[name].text)
    assert len(outline.definitions) == len(SAMPLES[name].definitions)
    assert len(outline.imports) == SAMPLES[name].imports


@settings(max_examples=60, deadline=None)
@given(nasty_text(30))
def test_any_text_has_an_outline_within_bounds(text):
    for name in ("python", "cpp", "typescript"):
        for definition in outline_of(language(name), text).definitions:
            assert definition.name
            assert 0 <= definition.line < definition.end <= text.count("\n") + text.count("\r") + 1
            assert len(definition.text) <= max(SHORT, LONGEST)
            definition.text.encode()  # lone surrogates are gone


def test_broken_code_keeps_what_is_whole():
    outline = outline_of(language("python"), "def f(:\n    return (\n\ndef good(x):\n    return x\n")
    assert "good" in [definition.name for definition in outline.definitions]
