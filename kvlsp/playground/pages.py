"""The page over HTTP: files of the bundle, the document, and a WebSocket to a daemon. Loopback only.

Two ways lead from a page to a daemon: :mod:`kvlsp.playground.daemon` starts one for each page,
:mod:`kvlsp.playground.onlooking` speaks with the one of an editor.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import signal
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from kvlsp.errors import ConfigurationError
from kvlsp.playground.daemon import LONGEST
from kvlsp.playground.door import HOST, Door

log = logging.getLogger(__name__)

BUNDLE: Final = Path(__file__).parent / "bundle"
"""Built by ``editors/playground``; ``index.html`` names the others."""

KINDS: Final = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

PAGES: Final = 4
"""Pages at a time: each has a daemon."""

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

Carry = Callable[[web.WebSocketResponse], Awaitable[None]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Pages:
    """What is served behind ``door``: ``document`` for the page's editor; ``carry`` brings a page's messages to a
    daemon and back, until either has gone."""

    def __init__(self, door: Door, document: Mapping[str, Any], carry: Carry) -> None:
        self._door, self._document, self._carry = door, document, carry
        self._open = 0

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/{token}/", self._index)
        app.router.add_get("/{token}/document", self._give_document)
        app.router.add_get("/{token}/lsp", self._socket)
        app.router.add_get("/{token}/{name}", self._file)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        socket = "upgrade" in request.headers.get("Connection", "").lower() or "Upgrade" in request.headers
        refusal = self._door.refusal(request.method, request.path, request.headers, socket=socket)
        if refusal is not None:
            status, sentence = refusal
            log.warning("a request was turned away (%d)", status)
            return web.Response(status=status, text=sentence, headers=self._headers())
        try:
            return await handler(request)
        except web.HTTPException as error:
            return web.Response(status=error.status, text=f"{error.reason}.", headers=self._headers())

    async def _index(self, request: web.Request) -> web.Response:
        nonce = secrets.token_urlsafe(16)
        text = (BUNDLE / "index.html").read_text(encoding="utf-8").replace("NONCE", nonce)
        return web.Response(text=text, content_type="text/html", headers=self._headers(nonce))

    async def _file(self, request: web.Request) -> web.Response:
        file = BUNDLE / request.match_info["name"]
        if file.parent != BUNDLE or file.suffix not in KINDS or not file.is_file():
            raise web.HTTPNotFound
        return web.Response(body=file.read_bytes(), content_type=KINDS[file.suffix], charset="utf-8",
                            headers=self._headers())

    async def _give_document(self, request: web.Request) -> web.Response:
        return web.json_response(dict(self._document), headers=self._headers())

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if self._open >= PAGES:
            return web.Response(status=503, text="Too many pages are open; close one.", headers=self._headers())
        self._open += 1
        try:
            socket = web.WebSocketResponse(max_msg_size=LONGEST, heartbeat=20.0)
            await socket.prepare(request)
            await self._carry(socket)
        finally:
            self._open -= 1
        return socket

    def _headers(self, nonce: str = "none") -> dict[str, str]:
        return {**HEADERS, "Content-Security-Policy": self._door.policy(nonce)}


async def serve(document: Mapping[str, Any], carry: Carry, port: int, token: str | None,
                listening: Callable[[str], None]) -> None:
    """Until it is cancelled, or the process is told to end; ``listening`` is told the address. Port 0: any that is
    free."""
    door = Door(port, token)
    runner = web.AppRunner(Pages(door, document, carry).app(), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, port, shutdown_timeout=1.0)
        try:
            await site.start()
        except OSError as error:
            raise ConfigurationError(f"kvlsp cannot listen on {HOST}:{port} ({error.strerror}); choose another "
                                     "--port.") from error
        door.port = runner.addresses[0][1]
        listening(door.address)
        await _told_to_end()
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await runner.cleanup()


async def _told_to_end() -> None:
    """Whoever started this in the background may have had it ignore an interrupt: it is heard all the same."""
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, ValueError):  # Windows; a thread that is not the first
            loop.add_signal_handler(number, told.set)
    await told.wait()
