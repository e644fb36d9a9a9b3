import pytest

from kvlsp.errors import ConfigurationError
from kvlsp.syntax.language import Language, encode, read_language


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
