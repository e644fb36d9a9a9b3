"""``kvlsp inspect``: a page that shows what the daemon of an editor does, and changes nothing there."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from kvlsp.cli import page
from kvlsp.cli.options import JsonOption, print_json
from kvlsp.cli.page import BrowserOption, PortOption
from kvlsp.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from kvlsp.lookout.finding import Daemon

app = typer.Typer(add_completion=False)

NOBODY = ("No editor runs kvlsp, so there is nothing to inspect. Open a file in an editor that uses kvlsp, or run "
          "kvlsp playground for a page with an editor of its own.")


@app.command()
def inspect(
    process: Annotated[int | None, typer.Argument(
        metavar="[PROCESS]", show_default=False,
        help="Process id of the daemon to inspect; if left out, the one that was started last.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="Only list the daemons that are running.")] = False,
    port: PortOption = 0,
    browser: BrowserOption = True,
    pipes: Annotated[bool, typer.Option("--pipes", help="Talk to the daemon that started this.", hidden=True)] = False,
    json: JsonOption = False,
) -> None:
    """Open a page that shows what the daemon of an editor does: the playground's right half, for your open files.

    It changes nothing. The address holds a secret and can be reached from this machine only. Ctrl-C ends it.
    """
    if pipes:
        _for_the_daemon()
        return
    from kvlsp.lookout import finding

    found = finding.daemons()
    if json:
        print_json({"daemons": [daemon.as_json() for daemon in found]})
        return
    if listed:
        for daemon in found:
            typer.echo(f"{daemon.sentence}.")
        if not found:
            typer.echo(NOBODY)
        return
    chosen = choose(found, process)
    page.require()
    from kvlsp.playground import attached
    from kvlsp.playground.onlooking import DOCUMENT

    others = [daemon for daemon in found if daemon != chosen]
    typer.echo(f"Inspecting {chosen.sentence}.")
    for other in others:
        typer.echo(f"  kvlsp inspect {other.process}: {other.sentence}")

    def find() -> Path | None:
        """The one that was chosen; when its editor has been closed, the newest."""
        here = finding.daemons()
        same = [daemon for daemon in here if daemon.process == chosen.process]
        return (same or here)[0].socket if here else None

    page.serve(DOCUMENT, lambda socket: attached.carry(socket, find), name="The page", port=port, browser=browser)


def choose(found: list[Daemon], process: int | None) -> Daemon:
    """The first, or that of ``process``; :class:`ConfigurationError` where there is none."""
    if not found:
        raise ConfigurationError(NOBODY)
    for daemon in found:
        if process in (None, daemon.process):
            return daemon
    raise ConfigurationError(f"Process {process} is not the daemon of an editor. kvlsp inspect --list says which are "
                             "running.")


def _for_the_daemon() -> None:
    from kvlsp.playground import onlooking

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(onlooking.serve())
