"""``kvlsp complete``: one completion in a file, without an editor and without a daemon."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from kvlsp.cli.caret import Caret, CaretArgument
from kvlsp.cli.options import JsonOption, print_json, with_model_options
from kvlsp.config import Settings
from kvlsp.reasons import Reason

if TYPE_CHECKING:
    from kvlsp.engine.oneshot import Completion

app = typer.Typer(add_completion=False)

EMPTY: Final = {
    None: "the model has nothing to say here",
    Reason.NOTHING_TO_SAY: "the model has nothing to say here",
    Reason.WRONG_PLACE: "a suggestion here would break the word or the line that the caret stands in",
    Reason.REPEATS_SUFFIX: "what the model suggests already stands below",
    Reason.LOOPING: "the model only repeats the lines above",
}


@app.command()
@with_model_options()
def complete(
    settings: Settings,
    place: CaretArgument,
    cross_file: Annotated[bool, typer.Option(
        "--cross-file", help="Also show the model pieces of the project's other files that fit.")] = False,
    json: JsonOption = False,
) -> None:
    """Print the text to insert at a place of a file.

    When there is nothing to insert, it prints nothing and says why on standard error.
    """
    caret = Caret.read(place)

    from kvlsp.cli.other_files import beside
    from kvlsp.engine.oneshot import complete_text
    from kvlsp.opening.model import open_model

    others = None
    if cross_file:
        with _waiting("reading the project's files"):
            others = beside(caret.text, caret.offset, caret.path, settings)
    with _waiting("loading the model"):
        loaded = open_model(settings)
    with _waiting("completing"):
        completion = complete_text(loaded, caret.text, caret.offset, caret.path.name, settings, others)
    _print(completion, caret, json)


def _print(completion: Completion, caret: Caret, json: bool) -> None:
    reason = None if completion.reason is None else str(completion.reason)
    if json:
        print_json({"path": str(caret.path), "line": caret.line, "column": caret.column, "text": completion.text,
                    "reason": reason, "report": dict(completion.report)})
    elif completion.text:
        # a lone surrogate has no bytes of its own
        sys.stdout.buffer.write(completion.text.encode("utf-8", "replace") + b"\n")
    else:
        why = EMPTY.get(completion.reason, str(completion.reason).replace("_", " "))
        typer.echo(f"Nothing to insert: {why}.", err=True)


def _waiting(what: str) -> Any:
    """Shows on standard error, for people only, that something takes a while."""
    from rich.console import Console

    return Console(stderr=True).status(f"{what} ...")
