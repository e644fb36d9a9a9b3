"""The command line: ``kvlsp`` with one module per command, loaded when that command is run.

A command's module offers ``app``, a :class:`typer.Typer`. The help page is written from the table here, so that it is
quick and imports no command. Whatever kvlsp raises on purpose is printed as one sentence, exit code 2.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

import kvlsp
from kvlsp.cli.compiled import bound_compiled_shapes
from kvlsp.cli.home import provide_home
from kvlsp.cli.streams import OUTPUT, closed_streams, forget_output, is_about_output
from kvlsp.errors import ConfigurationError, KvlspError


class Command(NamedTuple):
    """A command's module, the heading that it stands under, and what it does in one sentence."""

    module: str
    heading: str
    about: str


_USER: Final = "Commands"
_LABORATORY: Final = "For work on kvlsp itself: measuring and training"
_LAB: Final = "kvlsp.laboratory.commands"

COMMANDS: Final = {
    "serve": Command("kvlsp.cli.serve", _USER, "Serve an editor: the language server."),
    "complete": Command("kvlsp.cli.complete", _USER, "Print the text to insert at a place of a file."),
    "context": Command("kvlsp.cli.context", _USER, "Show which pieces of other files fit a place of a file, and why."),
    "playground": Command("kvlsp.cli.playground", _USER, "Open a page with an editor, and see what kvlsp does."),
    "next": Command("kvlsp.cli.next", _USER, "Show what would be proposed after a change of a file, as a diff."),
    "cache": Command("kvlsp.cli.cache", _USER, "Show or delete what is kept of documents on disk."),
    "doctor": Command("kvlsp.cli.doctor", _USER, "Check this installation, and say how to mend what is wrong."),
    "engine": Command("kvlsp.cli.engine", _USER, "Look after the engines that the editors of this machine share."),
    "replay": Command(f"{_LAB}.replay", _LABORATORY,
                      "Replay recorded edits, and check the cache against a full prefill."),
    "bench": Command(f"{_LAB}.bench", _LABORATORY, "Measure speed, as ratios within one run."),
    "evaluate": Command(f"{_LAB}.evaluate", _LABORATORY, "Measure the quality of completions."),
    "corpus": Command(f"{_LAB}.corpus", _LABORATORY, "Fetch and gather what the default model is trained on."),
    "train": Command(f"{_LAB}.train", _LABORATORY, "Train the default model again, or another one like it."),
}
"""In the order of the help page."""


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
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """Code completion that keeps the whole open document in the model's memory.

    Without a command it serves an editor over standard input and output.
    """
    if version:
        typer.echo(f"kvlsp {kvlsp.__version__}")
    elif context.invoked_subcommand is None:
        from kvlsp.cli.serve import serve

        serve(context)
    elif context.invoked_subcommand != "serve" and OUTPUT in (context.obj or ()):
        raise ConfigurationError("Standard output is closed, so nothing could be printed; send it to a file.")


def main(arguments: Sequence[str] | None = None) -> None:
    """The program ``kvlsp``."""
    closed = closed_streams()
    provide_home()
    bound_compiled_shapes()
    try:
        try:
            app(args=None if arguments is None else list(arguments), prog_name="kvlsp", obj=closed)
        finally:
            sys.stdout.flush()
    except KvlspError as error:
        print(f"kvlsp: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if not is_about_output(error):
            raise
        forget_output()
        print(f"kvlsp: the output could not be written ({error.strerror}).", file=sys.stderr)
        sys.exit(2)
