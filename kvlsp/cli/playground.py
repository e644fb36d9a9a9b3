"""``kvlsp playground``: an editor in the browser, and beside it what kvlsp does with every key."""

from __future__ import annotations

import asyncio
import contextlib
import os
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from kvlsp.cli.options import DeviceOption, DtypeOption, ModelOption, ThreadsOption, settings_of
from kvlsp.errors import ConfigurationError
from kvlsp.workspace import pipes

app = typer.Typer(add_completion=False)

TOKEN = "KVLSP_PLAYGROUND_TOKEN"


@app.command()
def playground(
    file: Annotated[Path | None, typer.Argument(
        metavar="[FILE]", help="What the page opens; it is read, never written. If left out, code of kvlsp's own.",
        show_default=False)] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Of this machine; 0: any free one.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in your browser.")] = True,
    model: ModelOption = "",
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = 0,
) -> None:
    """Open a page on this machine: type on the left, and see on the right what the model keeps, moves and encodes.

    The address holds a secret and is reached from this machine only. Ctrl-C ends it.
    """
    settings_of(model=model, device=device, dtype=dtype, threads=threads)  # says now what is wrong with them
    command = pipes.command("kvlsp.cli", daemon_arguments(model=model, device=device, dtype=dtype, threads=threads))
    try:
        from kvlsp.playground import daemon, document, pages
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "aiohttp":
            raise
        raise ConfigurationError('The playground needs the package aiohttp. Install it with: pip install '
                                 '"kvlsp[playground]" (from a clone: pip install ".[playground]").') from error
    opened = document.read(file)

    def listening(address: str) -> None:
        typer.echo(f"The playground is open at {address} (Ctrl-C ends it).")
        if browser:
            webbrowser.open(address)

    token = os.environ.get(TOKEN) or None
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(pages.serve(opened, lambda page: daemon.carry(page, command), port, token, listening))


def daemon_arguments(*, model: str, device: str, dtype: str, threads: int) -> list[str]:
    """What the daemon of a page is started with. What is typed there is written nowhere, as rows neither."""
    named = ["--model", model] if model else []
    return ["serve", "--stdio", "--disk-mib", "0", "--device", device, "--dtype", dtype, "--threads", str(threads),
            *named]
