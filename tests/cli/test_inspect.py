"""``kvlsp inspect``: which daemon is looked at, and what is said where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kvlsp.cli import main
from kvlsp.cli.inspect import choose
from kvlsp.errors import ConfigurationError
from kvlsp.lookout.finding import Daemon

FIRST, SECOND = (Daemon(Path(f"/run/editor-{number}.sock"), number, "Neovim", ("project",), 2) for number in (12, 7))


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def said(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["inspect", *arguments])
    return int(ended.value.code or 0)


def test_the_newest_is_looked_at_or_the_one_that_is_named():
    assert choose([FIRST, SECOND], None) == FIRST
    assert choose([FIRST, SECOND], 7) == SECOND
    with pytest.raises(ConfigurationError, match="--list"):
        choose([FIRST, SECOND], 8)


def test_without_a_daemon_it_says_what_to_do(capsys: pytest.CaptureFixture[str]):
    assert said() == 2
    assert "Open a file in an editor" in capsys.readouterr().err
    assert said("--list") == 0
    assert "kvlsp playground" in capsys.readouterr().out
    assert said("--json") == 0
    assert json.loads(capsys.readouterr().out) == {"daemons": []}
