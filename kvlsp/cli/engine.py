"""``kvlsp engine``: the engines that the editors of this machine share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from kvlsp.cli.options import JsonOption, print_json
from kvlsp.config import MEBIBYTE
from kvlsp.remote import asking

app = typer.Typer(add_completion=False, no_args_is_help=True,
                  help="Show or end the engines that the editors of this machine share.")


@app.command()
def status(json: JsonOption = False) -> None:
    """Say which engines run, for how many editors, and how they are."""
    found = asking.engines()
    if json:
        print_json({"engines": found})
        return
    if not found:
        typer.echo("No shared engine runs. An editor starts one when it needs it.")
    for one in found:
        typer.echo(sentence(one))


@app.command()
def stop(json: JsonOption = False) -> None:
    """End all of them. Editors that are open start one again when somebody types."""
    found = asking.stop()
    if json:
        print_json({"stopped": found})
        return
    for one in found:
        typer.echo(f"The engine {one['name']} (process {one['process']}) was stopped.")
    if not found:
        typer.echo("No shared engine runs.")


def sentence(one: Mapping[str, Any]) -> str:
    """What an engine says of itself (:func:`kvlsp.remote.asking.engines`), for people."""
    head = f"Process {one['process']}, engine {one['name']}: "
    if "problem" in one:
        return f"{head}{one['problem']} kvlsp engine stop ends it."
    clients, busy = one["clients"], one["busySeconds"]
    return (f"{head}{one['model']} for {clients} editor{'' if clients == 1 else 's'}, "
            f"{one['residentBytes'] / MEBIBYTE:.0f} MiB, up for {one['upSeconds']:.0f} s"
            f"{f', at one step for {busy:.0f} s' if busy >= 1 else ''}.")
