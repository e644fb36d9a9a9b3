"""``kvlsp serve``: the daemon, for one editor."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from kvlsp.cli.home import NOTHING_IS_KEPT, provide_home
from kvlsp.cli.options import DeviceOption, DtypeOption, ModelOption, ThreadsOption, settings_of
from kvlsp.cli.streams import INPUT, OUTPUT
from kvlsp.config import Settings
from kvlsp.errors import ConfigurationError, EngineUnreachable
from kvlsp.messages import Event
from kvlsp.server import logs, stderr, transport
from kvlsp.server.secret import secret_file
from kvlsp.server.server import EngineLike
from kvlsp.server.starting import StartingEngine

log = logging.getLogger(__name__)

app = typer.Typer(add_completion=False)


@app.command()
def serve(
    context: typer.Context,
    tcp: Annotated[str, typer.Option(
        "--tcp", metavar="HOST:PORT",
        help="Listen on a port of this machine for one editor that knows the secret; port 0: any free one.",
        show_default=False)] = "",
    stdio: Annotated[bool, typer.Option("--stdio", help="Talk over standard input and output (the default).")] = False,
    model: ModelOption = "",
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = 0,
    engine: Annotated[str, typer.Option(
        "--engine", envvar="KVLSP_ENGINE",
        help="Where the model is: own (in this process), shared (in one for all editors of this user), auto.")] = "",
    trace: Annotated[str, typer.Option(
        "--trace", help="Log level: off, messages, spans (where the time of slow turns goes) or verbose.")] = "off",
) -> None:
    """Serve an editor: the language server. Settings of the editor win over these options."""
    settings = settings_of(model=model, device=device, dtype=dtype, threads=threads, trace=trace,
                           engine=engine or os.environ.get("KVLSP_ENGINE", ""))
    closed = [] if tcp else [stream for stream in (INPUT, OUTPUT) if stream in (context.obj or ())]
    if closed:
        raise ConfigurationError(f"{' and '.join(closed).capitalize()} is closed, over which an editor would speak; "
                                 "start kvlsp with both open, or with --tcp.")
    with stderr.carried():
        logs.configure(settings.trace)
        if provide_home():
            log.warning(NOTHING_IS_KEPT)
        if tcp:
            code = transport.serve_tcp(make_engine, settings, tcp, _say_address)
        else:
            if sys.stdin.isatty():
                typer.echo("kvlsp waits for an editor here. For what else it can do, run kvlsp --help.", err=True)
            code = transport.serve_stdio(make_engine, settings)
        logging.shutdown()
    # Not by typer.Exit: a thread that imports or loads a model cannot be interrupted, and the interpreter's
    # tidy end would wait for it. The engine has stopped, nothing is left to be written.
    os._exit(code)


def make_engine(settings: Settings, events: Callable[[Event], None]) -> EngineLike:
    """The engine that the settings ask for."""
    return shared_engine(settings, events) if settings.engine == "shared" else own_engine(settings, events)


def shared_engine(settings: Settings, events: Callable[[Event], None]) -> EngineLike:
    """The engine that other editors of this user have too; their own where none can be shared."""
    from kvlsp.remote.engine import RemoteEngine
    from kvlsp.remote.place import meeting_place

    try:
        meeting_place(settings)
    except EngineUnreachable as error:
        log.warning("%s The model is loaded for this editor alone.", error)
        return own_engine(settings, events)
    return RemoteEngine(settings, events)


def own_engine(settings: Settings, events: Callable[[Event], None]) -> EngineLike:
    """An engine in this process, put together in the background."""

    def build() -> EngineLike:
        from kvlsp.engine.engine import Engine

        return Engine(settings, events)

    return StartingEngine(build, events)


def _say_address(host: str, port: int) -> None:
    typer.echo(f"kvlsp listens on {f'[{host}]' if ':' in host else host}:{port}.", err=True)
    file = secret_file(host, port)
    if file.is_file():
        typer.echo(f"An editor sends what stands in {file} as initializationOptions.token.", err=True)
