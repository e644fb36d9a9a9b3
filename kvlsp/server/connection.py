"""One editor's connection on a port: what it says is heeded as fast as it takes the answers.

It is read ahead, up to a bound: the end of a stream stands behind all that was sent before. Who fills even that, and
takes nothing, is given up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

from kvlsp.server.frames import BadFrame, Frame, FrameReader
from kvlsp.server.intake import CHUNK, LOOK
from kvlsp.wire.outbox import MOST

log = logging.getLogger(__name__)

AHEAD: Final = 128
"""Reads that may wait until the answers are taken."""

PATIENCE: Final = 300.0
"""Seconds for which an editor whose messages fill all there is may take nothing, stopped in a debugger, say."""


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, frames: FrameReader,
                first: list[Frame | BadFrame], receive: Callable[[Frame | BadFrame], None]) -> None:
    """Until it ends; ``first`` came already. What was sent before the end is still heeded, as long as the answers are
    taken."""
    writer.transport.set_write_buffer_limits(MOST)
    waiting: asyncio.Queue[bytes] = asyncio.Queue(AHEAD)
    reading = asyncio.ensure_future(_read(reader, waiting))
    heeding = asyncio.ensure_future(_heed(waiting, writer, frames, first, receive))
    try:
        left, still = 0, 0.0
        while not (await asyncio.wait({heeding}, timeout=LOOK))[0]:
            before, left = left, writer.transport.get_write_buffer_size()
            still = still + LOOK if left >= before > 0 else 0.0
            if still and (reading.done() or (waiting.full() and still >= PATIENCE)):
                log.warning("the editor takes no answers, and is given up")
                break
    finally:
        for task in (reading, heeding):
            task.cancel()
        await asyncio.gather(reading, heeding, return_exceptions=True)
    if heeding.done() and not heeding.cancelled():
        heeding.result()


async def _read(reader: asyncio.StreamReader, waiting: asyncio.Queue[bytes]) -> None:
    data = b"."
    while data:
        try:
            data = await reader.read(CHUNK)
        except OSError:  # a network has more errors than those of a connection
            data = b""
        await waiting.put(data)


async def _heed(waiting: asyncio.Queue[bytes], writer: asyncio.StreamWriter, frames: FrameReader,
                found: list[Frame | BadFrame], receive: Callable[[Frame | BadFrame], None]) -> None:
    with contextlib.suppress(OSError):
        while True:
            for frame in found:
                receive(frame)
            await writer.drain()  # who does not take the answers gets no more of them
            data = await waiting.get()
            if not data:
                return
            found = frames.feed(data)
