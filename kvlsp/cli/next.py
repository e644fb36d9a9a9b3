"""``kvlsp next``: which edits kvlsp would propose after a change of a file, as a diff with what each gains."""

from __future__ import annotations

import sys
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kvlsp.cli.caret import read_input, read_source
from kvlsp.cli.options import JsonOption, print_json, with_model_options
from kvlsp.config import Settings

if TYPE_CHECKING:
    from kvlsp.engine.next_oneshot import Step

app = typer.Typer(add_completion=False)

_WHY = {"rename": "follows the new name", "repeat": "repeats the change", "rewrite": "is what the model writes here",
        "edit": "is what the model proposes"}


@app.command()
@with_model_options()
def next_(
    settings: Settings,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The file, with the change or without.")],
    after: Annotated[Path, typer.Option(
        "--after", metavar="DIFF", help="The change: a unified diff of that file, or - for standard input.")],
    most: Annotated[int, typer.Option("--most", min=1, help="Most edits, each applied before the next.")] = 5,
    gain: Annotated[float, typer.Option("--gain", help="Least gain in nats; in an editor nextEditMinimumGain.")] = (
        Settings().next_edit_minimum_gain),
    json: JsonOption = False,
) -> None:
    """Show what would be proposed after a change, one edit after the other, as a diff with the gains.

    Where nothing is proposed, it prints nothing and says so on standard error.
    """
    from dataclasses import replace

    diff = read_input() if str(after) == "-" else read_source(after)
    text = read_source(path).replace("\r\n", "\n").replace("\r", "\n")

    from kvlsp.engine.next_oneshot import next_edits
    from kvlsp.nextedit.patch import read_patch, sides
    from kvlsp.opening.model import open_model

    before, edits = sides(text, read_patch(diff))
    model = open_model(settings)
    steps = list(next_edits(model, before, edits, path.name, replace(settings, next_edit_minimum_gain=gain), most))
    if json:
        print_json({"path": str(path), "edits": [_told(step) for step in steps]})
        return
    for step in steps:
        _print(path, step)
    if not steps:
        typer.echo("Nothing to propose: no line has become less likely by enough.", err=True)


def _told(step: Step) -> dict[str, Any]:
    proposal = step.proposal
    return {"line": proposal.place.line + 1, "kind": proposal.place.kind, "old": proposal.old, "text": proposal.text,
            "gain": round(proposal.gain, 2), "worth": round(proposal.worth, 2),
            "belief": round(proposal.place.belief, 3)}


def _print(path: Path, step: Step) -> None:
    proposal = step.proposal
    old, new = (text.splitlines(keepends=True) for text in (step.before, step.after))
    header: list[str] = []
    hunks: list[str] = []
    for line in unified_diff(old, new, f"a/{path}", f"b/{path}", n=1):
        (hunks if hunks or line.startswith("@@") else header).append(line)
    hunks[0] = hunks[0].rstrip("\n") + (f" {_WHY[proposal.place.kind]}: {proposal.gain:+.1f} nats"
                                        f" (worth {proposal.worth:+.1f})\n")
    shown = "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"
                    for line in (*header, *hunks))
    sys.stdout.buffer.write(shown.encode("utf-8", "replace"))
    sys.stdout.flush()
