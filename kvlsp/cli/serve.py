"""``kvlsp serve``: the daemon's options."""

from __future__ import annotations

from typing import Annotated

import typer

from kvlsp.cli.daemon import VARIABLE, run
from kvlsp.cli.options import (
    DeviceOption,
    DtypeOption,
    EditorOption,
    ModelOption,
    PipeOption,
    SocketOption,
    ThreadsOption,
    dialled,
    settings_of,
)

app = typer.Typer(add_completion=False)


@app.command()
def serve(
    context: typer.Context,
    tcp: Annotated[str, typer.Option(
        "--tcp", metavar="HOST:PORT",
        help="Listen on a port of this machine for one editor that knows the secret; port 0: any free one.",
        show_default=False)] = "",
    stdio: Annotated[bool, typer.Option("--stdio", help="Talk over standard input and output (the default).")] = False,
    socket: SocketOption = None,
    pipe: PipeOption = None,
    editor: EditorOption = None,
    model: ModelOption = "",
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = 0,
    engine: Annotated[str, typer.Option(
        "--engine", envvar=VARIABLE,
        help="Where the model runs: own (in this process), shared (in one for all editors of this user), the address "
             "of a team's engine (wss://...; your text is sent there), or auto.")] = "",
    disk_mib: Annotated[int | None, typer.Option(
        "--disk-mib", help="Keep at most so many MiB of closed documents on disk; 0: nothing.",
        show_default=False)] = None,
    trace: Annotated[str, typer.Option(
        "--trace", help="Log level: off, messages, spans (where the time of slow turns goes) or verbose.")] = "off",
) -> None:
    """Serve an editor: the language server. Settings of the editor win over these options."""
    settings = settings_of(model=model, device=device, dtype=dtype, threads=threads, trace=trace, engine=engine,
                           diskMib=disk_mib)
    run(settings, tcp=tcp, dial=dialled(stdio, tcp, socket, pipe), closed=context.obj or (), editor=editor)
