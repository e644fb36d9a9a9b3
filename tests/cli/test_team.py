"""``kvlsp team``: tokens are made, shown and withdrawn; what should not be served is refused before anything starts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from kvlsp.cli import main
from kvlsp.errors import ConfigurationError
from kvlsp.team.options import Options
from kvlsp.team.tokens import Tokens


def run(*words: str) -> None:
    main(["team", *words])


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        run(*words)
    assert ended.value.code in (0, None)
    return capsys.readouterr().out


def test_a_token_is_made_listed_and_withdrawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = str(tmp_path / "tokens.json")
    token = said(capsys, "token", "add", "ada", "--tokens", file, "--days", "3", "--sessions", "2").strip()
    assert Tokens(Path(file)).find(token).sessions == 2
    other = json.loads(said(capsys, "token", "add", "bob", "--tokens", file, "--json"))
    assert Tokens(Path(file)).find(other["token"]).user == "bob"
    shown = said(capsys, "token", "list", "--tokens", file)
    assert shown.startswith("ada: until ")
    assert token not in shown
    assert said(capsys, "token", "remove", "ada", "--tokens", file) == "1 token of ada withdrawn.\n"
    assert [each["user"] for each in json.loads(said(capsys, "token", "list", "--tokens", file, "--json"))["tokens"]] \
        == ["bob"]


@pytest.mark.parametrize(("words", "why"), [
    (["serve", "--host", "0.0.0.0"], "Without --tokens"),
    (["serve", "--tokens", "nowhere.json"], "nowhere.json cannot be read"),
    (["serve", "--certificate", "a.pem"], "both --certificate and --key"),
    (["serve", "--replicas", "many"], "replicas of a team's engine must be a number"),
    (["serve", "--replicas", "3-1"], "two with a hyphen"),
    (["serve", "--device", "abacus"], "kvlsp.device"),
    (["token", "remove", "eve", "--tokens", "nowhere.json"], "nowhere.json cannot be read"),
])
def test_what_cannot_be_is_said_in_a_sentence(words: list[str], why: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        run(*words)
    assert ended.value.code == 2
    assert why in capsys.readouterr().err
    assert "ray" not in sys.modules


def test_options_are_words_of_a_command_line_or_of_a_file():
    options = Options.read({"replicas": "1-4", "clients": "10", "gpus": 1, "model": "/m", "tokens": "t.json"})
    assert (options.least, options.most, options.clients, options.gpus) == (1, 4, 10, 1.0)
    assert options.settings == {"model": "/m"}
    with pytest.raises(ConfigurationError, match="replica is not an option"):
        Options.read({"replica": 2})
