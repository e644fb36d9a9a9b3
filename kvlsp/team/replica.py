"""One replica of a team's engine: a model, its thread, and whoever is connected.

An ASGI application; Ray Serve runs it (:mod:`kvlsp.team.app`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from kvlsp.config import Settings
from kvlsp.errors import EngineRefuses
from kvlsp.host.thread import ModelThread, Prepared
from kvlsp.team.audit import Record
from kvlsp.team.desk import Desk, Metrics
from kvlsp.team.session import Receive, Send, Session, refuse
from kvlsp.team.tokens import ANYBODY, Grant, Tokens
from kvlsp.team.usage import Usage

log = logging.getLogger(__name__)

STUCK: Final = 120.0
"""Seconds in one step of the model after which a replica is not healthy."""
LOOK: Final = 30.0
"""Seconds between two looks whether the tokens of those who are connected still hold."""


class Replica:
    """``settings`` are those of the replica; ``tokens`` None: whoever connects may."""

    def __init__(self, settings: Settings, tokens: Tokens | None, prepare: Callable[[], Prepared], metrics: Metrics,
                 clock: Callable[[], float] = time.monotonic, look: float = LOOK) -> None:
        self._settings, self._tokens, self._metrics, self._clock = settings, tokens, metrics, clock
        self._look = look
        self._usage = Usage(clock)
        self._lost = ""
        self._prepared = threading.Event()
        self._model = ModelThread(partial(self._prepare, prepare), self._gone)
        self._sessions: set[Session] = set()
        self._model.start()

    @property
    def sessions(self) -> int:
        return len(self._sessions)

    def wait(self) -> None:
        """Until the model is loaded. :class:`RuntimeError` when it cannot be."""
        self._prepared.wait()
        self.check()

    def check(self) -> None:
        """:class:`RuntimeError` when another replica should take its place."""
        if self._lost:
            raise RuntimeError(self._lost)
        if self._model.busy > STUCK:
            raise RuntimeError(f"The model has been at one step for {self._model.busy:.0f} s.")

    async def part(self) -> None:
        """Send all clients to another replica."""
        await asyncio.gather(*(session.part() for session in list(self._sessions)))

    def end(self) -> None:
        self._model.end()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _answer(send)
        elif scope["type"] == "websocket":
            await self.serve(scope, receive, send)

    async def serve(self, scope: Any, receive: Receive, send: Send) -> None:
        """One WebSocket."""
        if (await receive())["type"] != "websocket.connect":
            return
        await send({"type": "websocket.accept"})
        headers = {name.lower(): value for name, value in scope["headers"]}
        try:
            grant = self._granted(headers)
            self._usage.begin(grant)
        except EngineRefuses as error:
            log.warning("A client was turned away: %s", error)
            await refuse(send, str(error))
            return
        try:
            await self._serve(grant, _name(headers), receive, send)
        finally:
            self._usage.end(grant)

    async def _serve(self, grant: Grant, client: str, receive: Receive, send: Send) -> None:
        record = Record(grant.user, client)
        desk = Desk(self._model, self._settings, grant, self._usage, record, self._metrics, self._clock)
        session = Session(desk, receive, send)
        self._sessions.add(session)
        self._metrics.sessions(len(self._sessions))
        look = asyncio.create_task(self._watch(session, grant))
        try:
            await session.run()
        finally:
            look.cancel()
            self._sessions.discard(session)
            self._metrics.sessions(len(self._sessions))
            record.write(session.why)

    async def _watch(self, session: Session, grant: Grant) -> None:
        while self._tokens is not None:
            await asyncio.sleep(self._look)
            try:
                self._tokens.check(grant)
            except EngineRefuses as error:
                session.refuse(str(error))
                return

    def _granted(self, headers: dict[bytes, bytes]) -> Grant:
        if self._tokens is None:
            return ANYBODY
        kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        return self._tokens.find(token.strip() if kind.lower() == "bearer" else "")

    def _prepare(self, prepare: Callable[[], Prepared]) -> Prepared:
        """On the model's thread."""
        try:
            return prepare()
        except BaseException as error:
            self._lost = f"The model could not be loaded ({type(error).__name__}: {error})."
            raise
        finally:
            self._prepared.set()

    def _gone(self, why: str) -> None:
        self._lost = why


def _name(headers: dict[bytes, bytes]) -> str:
    """The client's name for itself. It goes into the audit log, so it is dropped unless it is letters and digits."""
    name = headers.get(b"serve-multiplexed-model-id", b"").decode("latin-1")
    return name if name.isalnum() and name.isascii() and len(name) <= 64 else ""


async def _answer(send: Send) -> None:
    """Answer plain HTTP, a browser for instance."""
    with contextlib.suppress(Exception):
        await send({"type": "http.response.start", "status": 426,
                    "headers": [(b"content-type", b"text/plain"), (b"upgrade", b"websocket")]})
        await send({"type": "http.response.body", "body": b"This is an engine of kvlsp; its daemons connect to it.\n"})
