"""``kvlsp team``: one engine for many machines, and the tokens of those who may use it."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Annotated

import typer

from kvlsp.cli.options import JsonOption, print_json
from kvlsp.errors import ConfigurationError
from kvlsp.team import tokens as files
from kvlsp.team.options import CLIENTS

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Serve one engine to a team (docs/team.md).")
token = typer.Typer(add_completion=False, no_args_is_help=True, help="Manage the tokens of those who may use it.")
app.add_typer(token, name="token")

FileOption = Annotated[Path, typer.Option("--tokens", help="The file of tokens.")]
FILE = Path("tokens.json")


@app.command()
def serve(
    model: Annotated[str, typer.Option("--model", help="Folder, hub id or GGUF file; if left out, the default model.",
                                       show_default=False)] = "",
    device: Annotated[str, typer.Option("--device", help="Where the model runs: auto, cpu or cuda.")] = "auto",
    dtype: Annotated[str, typer.Option("--dtype", help="Precision of weights and cache.")] = "auto",
    threads: Annotated[int, typer.Option("--threads", help="Threads of each replica's model; 0: Ray chooses.")] = 0,
    cache_mib: Annotated[int, typer.Option("--cache-mib", help="Most MiB for a replica's caches; 0: a share of free "
                                                               "memory.")] = 0,
    replicas: Annotated[str, typer.Option("--replicas", help="How many replicas; 1-4: as the load asks.")] = "1",
    clients: Annotated[int, typer.Option("--clients", help="Most editors that one replica serves.")] = CLIENTS,
    cpus: Annotated[float, typer.Option("--cpus", help="Processors that Ray reserves for a replica.")] = 1.0,
    gpus: Annotated[float, typer.Option("--gpus", help="GPUs that Ray reserves for a replica.")] = 0.0,
    tokens: Annotated[Path | None, typer.Option("--tokens", help="The file of tokens, on each machine.",
                                                show_default=False)] = None,
    host: Annotated[str, typer.Option("--host", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on.")] = 8000,
    certificate: Annotated[str, typer.Option("--certificate", help="For TLS: the certificate, a PEM file.")] = "",
    key: Annotated[str, typer.Option("--key", help="For TLS: the certificate's key, a PEM file.")] = "",
    metrics: Annotated[int, typer.Option("--metrics-port", help="Port for Prometheus, if Ray is started here; 0: any."
                                         )] = 0,
    address: Annotated[str, typer.Option("--address", help="A Ray cluster to join (auto: this machine's); if left out, "
                                                           "one is started here.", show_default=False)] = "",
) -> None:
    """Serve until interrupted. Editors connect with kvlsp --engine wss://HOST:PORT/."""
    from kvlsp.team.serving import Where, run

    chosen = {"model": os.path.abspath(model) if model.startswith(".") else model, "device": device, "dtype": dtype,
              "threads": threads, "cacheMib": cache_mib, "replicas": replicas, "clients": clients, "cpus": cpus,
              "gpus": gpus, "tokens": str(tokens.absolute()) if tokens else ""}
    run(chosen, Where(host, port, address, certificate, key, metrics), typer.echo)


@token.command()
def add(
    user: Annotated[str, typer.Argument(help="The user's name, as the audit log has it.")],
    file: FileOption = FILE,
    days: Annotated[int, typer.Option("--days", help="Days until it expires.")] = 180,
    sessions: Annotated[int, typer.Option("--sessions", help="Most editors at the same time.")] = files.SESSIONS,
    requests: Annotated[int, typer.Option("--requests-per-minute", help="Most suggestions.")] = files.REQUESTS,
    json: JsonOption = False,
) -> None:
    """Make a token and print it, once: the file holds its hash."""
    if not (user.strip() and days >= 0 and sessions >= 1 and requests >= 1):
        raise ConfigurationError("A token needs a user's name, and limits of 1 or more.")
    grants = files.read(file) if file.exists() else []
    made = files.new_token()
    until = files.today() + datetime.timedelta(days=days)
    files.write(file, [*grants, files.Grant(user, files.digest(made), until, sessions, requests)])
    if json:
        print_json({"user": user, "token": made, "expires": str(until)})
    else:
        typer.echo(made)


@token.command("list")
def list_(file: FileOption = FILE, json: JsonOption = False) -> None:
    """List the tokens: whose each is, until when it is valid, and what it allows."""
    grants = files.read(file)
    if json:
        print_json({"tokens": [{"user": each.user, "expires": str(each.expires), "sessions": each.sessions,
                                "requestsPerMinute": each.requests_per_minute} for each in grants]})
        return
    for each in grants:
        typer.echo(f"{each.user}: until {each.expires}, {each.sessions} editors, "
                   f"{each.requests_per_minute} suggestions a minute")


@token.command()
def remove(user: Annotated[str, typer.Argument(help="The user's name.")], file: FileOption = FILE) -> None:
    """Withdraw all tokens of a user; editors connected with one are disconnected within half a minute."""
    grants = files.read(file)
    left = [each for each in grants if each.user != user]
    if len(left) == len(grants):
        raise ConfigurationError(f"{file} has no token of {user}. kvlsp team token list says whose it has.")
    files.write(file, left)
    count = len(grants) - len(left)
    typer.echo(f"{count} token{'' if count == 1 else 's'} of {user} withdrawn.")
