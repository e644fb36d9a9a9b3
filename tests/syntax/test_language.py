import contextlib

import pytest

from kvlsp.errors import ConfigurationError, TooCostly
from kvlsp.syntax.block import Place
from kvlsp.syntax.language import Language, encode, read_language
from kvlsp.syntax.leaves import leaves


def test_found_by_id_and_by_file_name():
    python = Language.of("python")
    assert python is not None
    assert Language.of("src/app.py") == python
    assert Language.of("C:\\work\\App.PY") == python
    assert Language.of("cobol-of-1959") is None
    assert Language.of("") is None


@pytest.mark.parametrize("language", Language.all(), ids=lambda language: language.name)
def test_every_folder_is_whole(language):
    assert language.ids
    assert language.endings
    assert not language.parse("").root_node.has_error
    for name in ("statements", "blocks", "outline", "imports"):
        assert language.query(name) is not None, f"grammars/{language.name}/{name}.scm is missing"


def test_lone_surrogates_are_one_byte():
    assert encode("'\ud800'") == b"'?'"
    assert not Language.of("python").parse("x = '\ud800'\n").root_node.has_error


def test_a_broken_definition_says_where(tmp_path):
    with pytest.raises(ConfigurationError, match=r"language\.toml"):
        read_language(tmp_path)
    (tmp_path / "language.toml").write_text('name = "x"\n')
    with pytest.raises(ConfigurationError, match="blocks"):
        read_language(tmp_path)


@pytest.mark.parametrize("text", ["/*\n" * 1000, "() => \n" * 430, "(" * 3000, "a<" * 1500, '"""' * 1000])
@pytest.mark.parametrize("language", Language.all(), ids=lambda language: language.name)
def test_a_window_made_to_harm_is_parsed_or_given_up_and_the_next_is_parsed(language, text):
    with contextlib.suppress(TooCostly):
        language.parse(text)
    assert not language.parse("").root_node.has_error


def test_what_is_given_up():
    c = Language.of("c")
    with pytest.raises(TooCostly):
        c.parse("/*\n" * 2600)
    assert c.parse("int f(void) { return 1; }\n" * 300).root_node.named_child_count == 300
    assert leaves(c, "/*" * 2600)


def test_a_block_that_cannot_be_parsed_in_time_is_not_judged():
    place = Place.at("/*\n" * 2600 + "x = ", "\n", Language.of("c"))
    assert place.parses("1;")
    assert Place.at("int f(void) {\n" + "  g(\n" * 2000, "\n", Language.of("c")).parses("1);")


@pytest.mark.parametrize(("language_id", "uri", "name"), [
    ("python", "untitled:1", "python"), ("Python", "untitled:1", "python"), ("PYTHON", "", "python"),
    ("python3", "", "python"), ("python-ts", "", "python"), ("python-ts-mode", "", "python"), ("py", "", "python"),
    ("source.python", "", "python"), ("js", "", "javascript"), ("javascript.jsx", "", "javascript"),
    ("typescript.tsx", "", "tsx"), ("TypeScript", "", "typescript"), ("C++", "", "cpp"), ("source.c++", "", "cpp"),
    ("c", "", "c"), ("c99", "file:///a.h", "c"), ("", "file:///a.py", "python"),
    ("plaintext", "file:///a.py", "python"), ("typescript", "file:///a.py", "typescript"),
    ("python.django", "file:///a.py", "python"), ("", "git:/a.py?%7B%22ref%22%3A%22HEAD%22%7D", "python"),
    ("", "file:///a.py#L3", "python"), ("", "vscode-vfs://github/o/r/a.RS", "rust"),
])  # fmt: skip
def test_the_language_of_a_document_as_editors_name_it(language_id, uri, name):
    found = Language.of_document(language_id, uri)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(("language_id", "uri"), [
    ("go.mod", "file:///go.mod"), ("c3", "file:///a.c3"), ("objective-c", "file:///a.m"), ("csharp", "file:///a.cs"),
    ("plaintext", "file:///py"), ("", ""), (".", "."), ("text", "untitled:py"), ("3", "file:///a.ipynb"),
])  # fmt: skip
def test_what_only_sounds_like_a_language_is_none(language_id, uri):
    assert Language.of_document(language_id, uri) is None
