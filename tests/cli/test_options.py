"""Options that are declared once and given to many commands."""

from __future__ import annotations

from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from kvlsp.cli.options import JsonOption, with_model_options, with_options
from kvlsp.config import Settings
from kvlsp.errors import ConfigurationError

app = typer.Typer()


@app.command()
@with_model_options(dtype="float32")
@with_options("range_", {"low": (Annotated[int, typer.Option("--low", help="From here.")], 1),
                         "high": (Annotated[int, typer.Option("--high", help="To here.")], 9)},
              lambda low, high: range(low, high))
def command(settings: Settings, range_: range, name: str = "nobody", json: JsonOption = False) -> None:
    """Say what was given."""
    typer.echo(f"{name} {list(range_)} {settings.model!r} {settings.dtype} {settings.threads} {json}")


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def test_a_command_gets_what_its_options_make():
    assert said("--low", "2", "--high", "4", "--model", "folder", "--threads", "3", "--name", "me", "--json") == (
        "me [2, 3] 'folder' float32 3 True")


def test_what_is_left_out_has_the_usual_values():
    assert said("--high", "3") == "nobody [1, 2] '' float32 0 False"


def test_settings_are_checked_like_an_editors():
    with pytest.raises(ConfigurationError, match=r"kvlsp\.dtype"):
        said("--dtype", "decimal")


def test_the_help_shows_own_options_first_and_json_last():
    shown = said("--help")
    places = [shown.index(option) for option in ("--name", "--low", "--high", "--model", "--threads", "--json")]
    assert places == sorted(places)
    assert "Say what was given." in shown
    assert "settings" not in shown
