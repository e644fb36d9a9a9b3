"""``kvlsp inspect``: the page that looks on at a daemon, started by that daemon."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated

import typer

from kvlsp.errors import ConfigurationError

app = typer.Typer(add_completion=False)


@app.command()
def inspect(
    pipes: Annotated[bool, typer.Option("--pipes", help="Talk to the daemon that started this.", hidden=True)] = False,
) -> None:
    """Look on at the daemon of an editor: the playground's right half, for the files that you have open there.

    It is opened in the editor: :Kvlsp inspect in Neovim, the command "Look On in the Browser" in VS Code.
    """
    if not pipes:
        raise ConfigurationError("An editor's daemon is looked at from that editor: :Kvlsp inspect in Neovim, the "
                                 'command "kvlsp: Look On in the Browser" in VS Code, elsewhere its command '
                                 "kvlsp.inspect. Without an editor there is kvlsp playground.")
    from kvlsp.playground import onlooking

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(onlooking.serve())
