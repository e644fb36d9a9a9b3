"""Who may come in at a port: the first message of a connection decides, before anything is done for it.

Whatever connects, a browser, a script that waits for the port, a scanner, costs its own connection and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any, Final

from kvlsp.server import bodies
from kvlsp.server.answers import INVALID_PARAMS, NOT_INITIALIZED
from kvlsp.server.frames import BadFrame, Frame, FrameReader
from kvlsp.server.intake import CHUNK
from kvlsp.server.secret import Secret

log = logging.getLogger(__name__)

PATIENCE: Final = 30.0
"""Seconds within which an editor has sent ``initialize``."""

LONGEST: Final = 1 << 20
"""Bytes of a first message."""

_BEGINNING: Final = b"content-"
"""Of every header; a request line of HTTP, or a greeting of TLS, has another."""


async def first_frames(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, frames: FrameReader,
                       secret: Secret) -> list[Frame | BadFrame] | None:
    """The frames that came with the first message, which is an ``initialize`` with the secret; None: turn it away."""
    try:
        found = await asyncio.wait_for(_first(reader, frames), PATIENCE)
    except (asyncio.TimeoutError, ConnectionError):
        found = []
    if not found:
        log.info("a connection that did not begin with a message was closed")
        return None
    first = _message(found[0])
    refusal = _refusal(first, secret)
    if refusal is None:
        return found
    code, why = refusal
    log.warning("a connection was turned away: %s", why)
    request_id = first.get("id") if isinstance(first.get("id"), int | str) else None
    body = json.dumps({"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": why}}).encode("ascii")
    writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    return None


async def _first(reader: asyncio.StreamReader, frames: FrameReader) -> list[Frame | BadFrame]:
    """What is complete once anything is; nothing, if it is no message, too long, or ends before."""
    beginning, length = b"", 0
    while data := await reader.read(CHUNK):
        beginning = (beginning + data[:len(_BEGINNING)])[:len(_BEGINNING)]
        length += len(data)
        if length > LONGEST or not _BEGINNING.startswith(beginning.lower()):
            break
        if found := frames.feed(data):
            return found if isinstance(found[0], Frame) else []
    return []


def _message(frame: Frame | BadFrame) -> dict[str, Any]:
    try:
        message = bodies.read(frame.body) if isinstance(frame, Frame) else None
    except (ValueError, RecursionError):
        message = None
    return message if isinstance(message, dict) else {}


def _refusal(first: dict[str, Any], secret: Secret) -> tuple[int, str] | None:
    if first.get("method") != "initialize" or "id" not in first:
        return NOT_INITIALIZED, "The first message must be the request initialize."
    params = first.get("params")
    if not secret.is_in(params.get("initializationOptions") if isinstance(params, dict) else None):
        return INVALID_PARAMS, ("This port serves only clients that know its secret. Send it as "
                                f"initializationOptions.token; it is {secret}.")
    return None
