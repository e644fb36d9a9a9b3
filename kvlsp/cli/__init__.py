"""The command line: ``kvlsp`` with one module per command, loaded when it is used.

A module ``kvlsp.cli.NAME`` offers ``app``, a :class:`typer.Typer`; it imports what runs models inside its
functions, so that ``kvlsp --help`` and an editor's start are quick. Whatever kvlsp raises on purpose is
printed as one sentence, exit code 2.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from typing import Any, Final

import typer
from typer.core import TyperGroup

import kvlsp
from kvlsp.errors import KvlspError

COMMANDS: Final = ("serve", "complete", "context", "doctor", "replay", "bench", "evaluate", "train")
"""In the order of the help; one that has no module is not offered."""


class _Commands(TyperGroup):
    """Finds commands by the name of their module."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for name in COMMANDS if importlib.util.find_spec(f"kvlsp.cli.{name}") is not None]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.list_commands(ctx):
            return None
        command = typer.main.get_command(importlib.import_module(f"kvlsp.cli.{cmd_name}").app)
        command.name = cmd_name
        return command


app = typer.Typer(cls=_Commands, add_completion=False, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def kvlsp_(
    context: typer.Context,
    stdio: bool = typer.Option(False, "--stdio", help="Serve standard input and output."),
    version: bool = typer.Option(False, "--version", help="Print the version and leave."),
) -> None:
    """Code completion that keeps the whole open document in the model's memory.

    Without a command: serve an editor over standard input and output.
    """
    if version:
        typer.echo(f"kvlsp {kvlsp.__version__}")
    elif context.invoked_subcommand is None:
        from kvlsp.cli.serve import serve

        serve()


def main(arguments: Sequence[str] | None = None) -> None:
    """The program ``kvlsp``."""
    try:
        app(args=None if arguments is None else list(arguments), prog_name="kvlsp")
    except KvlspError as error:
        print(f"kvlsp: {error}", file=sys.stderr)
        sys.exit(2)
