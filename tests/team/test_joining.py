"""Before an engine is served in a cluster of others: it is met where the user is told, and takes nobody's place."""

from __future__ import annotations

import pytest

from kvlsp.errors import ConfigurationError
from kvlsp.team.joining import TOKENS, Listens, check_joined, has_token

HERE = Listens("127.0.0.1", 8000, False)


def test_where_all_is_as_wanted_nothing_is_said():
    check_joined("kvlsp", HERE, HERE, ["another"])


@pytest.mark.parametrize("found", [
    Listens("127.0.0.1", 8124, False),
    Listens("0.0.0.0", 8000, False),  # open to others, where nobody asked for tokens
    Listens("127.0.0.1", 8000, True),
])
def test_another_place_than_wanted_is_told_with_what_to_do(found):
    with pytest.raises(ConfigurationError, match="Give --host, --port") as error:
        check_joined("kvlsp", HERE, found, [])
    assert str(found) in str(error.value)


def test_tls_that_would_not_be_there_is_not_passed_over():
    with pytest.raises(ConfigurationError, match="with TLS"):
        check_joined("kvlsp", Listens("127.0.0.1", 8000, True), HERE, [])


def test_an_engine_that_is_served_there_is_left_alone():
    with pytest.raises(ConfigurationError, match="serve delete kvlsp"):
        check_joined("kvlsp", HERE, HERE, ["kvlsp"])


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_of_rays_may_stand_in_the_environment(name, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert not has_token({})
    assert has_token({name: "x"})


def test_or_in_its_file(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("x")
    assert has_token({})
