"""The command line as typer reads it: its help page, and a command's module once it is run."""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

import kvlsp
from kvlsp.cli.daemon import VARIABLE, run
from kvlsp.cli.options import EditorOption, PipeOption, SocketOption, dialled, settings_of
from kvlsp.cli.streams import OUTPUT
from kvlsp.cli.table import COMMANDS
from kvlsp.errors import ConfigurationError


class _Commands(TyperGroup):
    """The commands of the table. What the help page shows of them stands there; running one loads it."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        found = COMMANDS.get(cmd_name)
        if found is None:
            return None
        return TyperCommand(cmd_name, callback=lambda: None, help=found.about, rich_help_panel=found.heading)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, shown, rest = super().resolve_command(ctx, args)
        return name, shown and load(str(name)), rest


def load(name: str) -> Any:
    """The command of this name. Imports its module."""
    command = typer.main.get_command(importlib.import_module(COMMANDS[name].module).app)
    command.name = name
    return command


app = typer.Typer(cls=_Commands, add_completion=False, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def kvlsp_(
    context: typer.Context,
    stdio: bool = typer.Option(False, "--stdio", help="Talk to the editor over standard input and output."),
    socket: SocketOption = None,
    pipe: PipeOption = None,
    editor: EditorOption = None,
    engine: str = typer.Option("", "--engine", envvar=VARIABLE, help="Where the model is; see kvlsp serve --help."),
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """Code completion that keeps the whole open document in the model's memory.

    Without a command it serves an editor over standard input and output.
    """
    if version:
        typer.echo(f"kvlsp {kvlsp.__version__}")
    elif context.invoked_subcommand is None:
        run(settings_of(engine=engine), dial=dialled(stdio, "", socket, pipe), closed=context.obj or (), editor=editor)
    elif context.invoked_subcommand != "serve" and OUTPUT in (context.obj or ()):
        raise ConfigurationError("Standard output is closed, so nothing can be printed. Open it, or send it to a file.")
