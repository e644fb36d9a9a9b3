"""A page on this machine, opened for a person and served until Ctrl-C: what the playground and ``inspect`` share."""

from __future__ import annotations

import asyncio
import contextlib
import os
import webbrowser
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from kvlsp.errors import ConfigurationError

if TYPE_CHECKING:
    from kvlsp.playground.pages import Carry

PortOption = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0: any free one.")]
BrowserOption = Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in your browser.")]

TOKEN: Final = "KVLSP_PLAYGROUND_TOKEN"
"""In the environment: the secret of the address, for those who have to know it beforehand."""


def require() -> None:
    """:class:`ConfigurationError` where what serves a page is not installed."""
    try:
        import aiohttp
    except ModuleNotFoundError as error:
        raise ConfigurationError('The page needs the package aiohttp. Install it with: pip install '
                                 '"kvlsp[playground]" (from a clone: pip install ".[playground]").') from error
    del aiohttp


def serve(document: Mapping[str, Any], carry: Carry, *, name: str, port: int, browser: bool) -> None:
    """Serve until Ctrl-C. ``name`` begins the sentence that tells the address."""
    from kvlsp.playground import pages

    def listening(address: str) -> None:
        typer.echo(f"{name} is open at {address} (Ctrl-C ends it).")
        if browser:
            webbrowser.open(address)

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(pages.serve(document, carry, port, os.environ.get(TOKEN) or None, listening))
