"""``kvlsp playground``: an editor in the browser, and beside it what kvlsp does with every key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kvlsp.cli import page
from kvlsp.cli.options import DeviceOption, DtypeOption, ModelOption, ThreadsOption, settings_of
from kvlsp.cli.page import BrowserOption, PortOption
from kvlsp.workspace import pipes

app = typer.Typer(add_completion=False)


@app.command()
def playground(
    file: Annotated[Path | None, typer.Argument(
        metavar="[FILE]", help="The file that the page opens; it is never written. If left out, code of kvlsp's own.",
        show_default=False)] = None,
    port: PortOption = 0,
    browser: BrowserOption = True,
    model: ModelOption = "",
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = 0,
) -> None:
    """Open a page on this machine: type on the left, and see on the right what the model keeps, moves and encodes.

    The address holds a secret and can be reached from this machine only. Ctrl-C ends it.
    """
    settings_of(model=model, device=device, dtype=dtype, threads=threads)  # says now what is wrong with them
    command = pipes.command("kvlsp.cli", daemon_arguments(model=model, device=device, dtype=dtype, threads=threads))
    page.require()
    from kvlsp.playground import daemon, document

    page.serve(document.read(file), lambda socket: daemon.carry(socket, command), name="The playground", port=port,
               browser=browser)


def daemon_arguments(*, model: str, device: str, dtype: str, threads: int) -> list[str]:
    """The arguments that a page's daemon is started with. What is typed in the page is not written to disk, nor are its
    rows."""
    named = ["--model", model] if model else []
    return ["serve", "--stdio", "--disk-mib", "0", "--device", device, "--dtype", dtype, "--threads", str(threads),
            *named]
