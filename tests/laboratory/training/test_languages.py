from __future__ import annotations

import pytest

from kvlsp.default_model.learned import titles
from kvlsp.laboratory.training.languages import LANGUAGES, definition_heads, language_of
from kvlsp.syntax.language import Language


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("a/b.py", "python"),
        ("a/b.js", "javascript"),
        ("a/b.MJS", "javascript"),
        ("a/b.test.jsx", "javascript"),
        ("a/b.ts", "typescript"),
        ("a/b.cts", "typescript"),
        ("a/b.tsx", "tsx"),
        ("a/b.d.ts", None),
        ("a/b.d.mts", None),
        ("a/b.pyi", None),
        ("a/py", None),
        ("a.py/README", None),
    ],
)
def test_a_language_is_told_by_the_ending(path: str, language: str | None):
    assert language_of(path) == language


def test_languages_have_the_names_of_the_grammars():
    assert {name: titles([name]) for name in LANGUAGES}.items() <= {
        language.name: language.title for language in Language.all()
    }.items()


def test_languages_are_listed_as_a_person_does():
    assert titles([]) == ""
    assert titles(["python"]) == "Python"
    assert titles(["python", "javascript", "cobol"]) == "Python, JavaScript and cobol"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("function areaOf(shape) {", "areaOf"),
        ("export default async function areaOf() {", "areaOf"),
        ("export abstract class Circle<T> extends Shape {", "Circle"),
        ("export interface Circle {", "Circle"),
        ("declare namespace Shapes {", "Shapes"),
        ("export const LIMIT_OF_ALL = 3;", "LIMIT_OF_ALL"),
        ("const areaOf: Area = (x) => x;", "areaOf"),
        ("export type Area = number;", "Area"),
    ],
)
def test_definitions_in_braces(line: str, name: str):
    match = definition_heads("a.ts").search(f"let x = 1;\n{line}\n")
    assert match is not None
    assert name in match.groups()


@pytest.mark.parametrize("line", ["  const inner = 3;", "typeof value;", "return classes;", "areaOf(shape);"])
def test_no_definitions(line: str):
    assert definition_heads("a.ts").search(f"{line}\n") is None
