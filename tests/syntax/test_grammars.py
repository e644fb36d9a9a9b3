"""Every folder under grammars/ does what its queries promise, and a new one needs no code."""

import shutil

import pytest
import tree_sitter

from kvlsp.syntax import language as language_module
from kvlsp.syntax.language import Language, encode
from kvlsp.syntax.leaves import leaves
from kvlsp.syntax.scanner import scan_lines
from tests.syntax.samples import SAMPLES

LANGUAGES = pytest.mark.parametrize("language", Language.all(), ids=lambda language: language.name)


def captured(language: Language, query: str, name: str) -> list[str]:
    compiled = language.query(query)
    assert compiled is not None
    tree = language.parse(SAMPLES[language.name].text)
    nodes = tree_sitter.QueryCursor(compiled).captures(tree.root_node).get(name, [])
    return [node.text.decode() for node in nodes]


@LANGUAGES
def test_samples_parse_and_scan(language):
    text = SAMPLES[language.name].text
    assert not language.parse(encode(text)).root_node.has_error
    scan = scan_lines(language, text)
    assert (scan.stack, scan.inside, scan.excess) == ((), None, ())


@LANGUAGES
def test_queries_find_what_is_there(language):
    sample = SAMPLES[language.name]
    assert sorted(captured(language, "outline", "name")) == sorted(sample.definitions)
    assert len(captured(language, "imports", "import")) == sample.imports
    assert len(captured(language, "statements", "statement")) == sample.statements
    assert captured(language, "blocks", "block") or language.name == "cpp"


@LANGUAGES
def test_leaves_are_abstracted(language):
    form = leaves(language, 'foo(bar, 12, "text")')
    assert form == ("identifier", "(", "identifier", ",", "number", ",", "string", ")")


@LANGUAGES
def test_kinds_named_by_the_definition_exist(language):
    for kind in language.leaves:
        assert language.compiled.id_for_node_kind(kind, True) is not None, kind


@pytest.fixture
def grammars(tmp_path, monkeypatch):
    """A copy of grammars/ that a test may add to."""
    shutil.copytree(language_module.grammars_folder(), tmp_path / "grammars")
    monkeypatch.setattr(language_module, "grammars_folder", lambda: tmp_path / "grammars")
    language_module._known.cache_clear()
    yield tmp_path / "grammars"
    monkeypatch.undo()
    language_module._known.cache_clear()


def test_adding_a_language_is_adding_a_folder(grammars):
    assert Language.of("starlark") is None
    shutil.copytree(grammars / "python", grammars / "starlark")
    file = grammars / "starlark" / "language.toml"
    text = file.read_text().replace('"python"', '"starlark"')
    text = text.replace('".py", ".pyi", ".pyw"', '".bzl", ".star"')
    file.write_text(text)
    language_module._known.cache_clear()
    starlark = Language.of("defs.bzl")
    assert starlark is not None
    assert starlark == Language.of("starlark")
    assert leaves(starlark, "x = 1") == ("identifier", "=", "number")
