"""A page that watches this daemon: a process of its own behind two pipes, which may ask and change nothing.

``kvlsp.inspect`` starts it and is answered with its address. The process serves the page over HTTP; here its messages
arrive, and what :mod:`kvlsp.server.looking` knows is answered. It ends with the daemon.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from kvlsp.server import looking
from kvlsp.server.answers import INTERNAL_ERROR, Answer, Refusal, Result
from kvlsp.server.frames import Frame, FrameReader
from kvlsp.server.intake import CHUNK
from kvlsp.workspace import pipes

if TYPE_CHECKING:
    from kvlsp.server.server import KvlspServer

log = logging.getLogger(__name__)

OPENED: Final = "kvlsp/opened"
"""The first message of the process: ``{address}``."""

ARGUMENTS: Final = ("inspect", "--pipes")
"""Of the program ``kvlsp`` in the process."""

ADVICE: Final = ('The page could not be opened. It needs the package aiohttp: pip install "kvlsp[playground]" in the '
                 "environment of this daemon. If it is there, run kvlsp playground in a shell: it says more.")


class Onlookers:
    """At most one page for each daemon: whoever asks again gets the same address. Used by the editor's thread only."""

    def __init__(self, ls: KvlspServer) -> None:
        self._ls = ls
        self._address: asyncio.Future[str] | None = None
        self._process: asyncio.subprocess.Process | None = None

    def open(self) -> Answer:
        """The page's address, once it can be opened."""
        answer = Answer()
        if self._address is None:
            self._address = asyncio.get_running_loop().create_future()
            self._task = asyncio.ensure_future(self._serve(self._address))

        def told(address: asyncio.Future[str]) -> None:
            failed = address.cancelled() or address.exception() is not None
            answer.give(Refusal(INTERNAL_ERROR, ADVICE) if failed else Result({"address": address.result()}))

        self._address.add_done_callback(told)
        return answer

    def close(self) -> None:
        """The daemon ends."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    async def _serve(self, address: asyncio.Future[str]) -> None:
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *pipes.command("kvlsp.cli", ARGUMENTS), stdin=pipe, stdout=pipe, stderr=nothing)
            assert process.stdin is not None
            assert process.stdout is not None
            frames = FrameReader()
            while data := await process.stdout.read(CHUNK):
                for frame in frames.feed(data):
                    if isinstance(frame, Frame):
                        self._receive(json.loads(frame.body), address, process.stdin)
        except (OSError, ValueError) as error:
            log.warning("the page that watches this daemon failed (%s)", type(error).__name__)
        finally:
            self.close()
            self._address = self._process = None
            if not address.done():
                address.set_exception(RuntimeError("no page"))

    def _receive(self, message: Any, address: asyncio.Future[str], writer: asyncio.StreamWriter) -> None:
        if not isinstance(message, Mapping):  # a page may send anything
            return
        method, params = message.get("method"), message.get("params")
        if method == OPENED and isinstance(params, Mapping) and not address.done():
            address.set_result(str(params["address"]))
        looking.receive(self._ls, message, writer)
