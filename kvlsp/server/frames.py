"""Bytes into message bodies: the framing of JSON-RPC over a stream, with a way back after garbage.

A client with a bug, a wrapper that prints to the wrong stream or a body with a wrong length must not end the daemon:
whatever does not look like a frame is reported once and skipped up to the next ``Content-Length``. Bodies are not
looked into.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

LONGEST_BODY: Final = 256 << 20
"""Bytes. A longer body is not read: no document that is worth completing in comes near it."""

LONGEST_HEADER: Final = 8192
"""Bytes without an empty line after which what was read cannot be a header."""

_LENGTH = re.compile(rb"content-length[ \t]*:[ \t]*(\d{1,18})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_HEADER_LINE = re.compile(rb"[!-9;-~]+[ \t]*:[^\n]*")
_END = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Frame:
    """One message body, as it came."""

    body: bytes


@dataclass(frozen=True, slots=True)
class BadFrame:
    """Bytes that are no message; ``why`` is a sentence for the client and the log."""

    why: str


class FrameReader:
    """Collects bytes as they arrive, in pieces of any size, and cuts them into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._wanted: int | None = None  # length of the body being read; None between bodies
        self._lost = False               # garbage was reported and no frame has been found since

    def feed(self, data: bytes) -> list[Frame | BadFrame]:
        """What is complete after these bytes, in order."""
        self._buffer += data
        found: list[Frame | BadFrame] = []
        while self._body(found) if self._wanted is not None else self._header(found):
            pass
        return found

    def _body(self, found: list[Frame | BadFrame]) -> bool:
        wanted = self._wanted
        if wanted is None or len(self._buffer) < wanted:
            return False
        found.append(Frame(bytes(self._buffer[:wanted])))
        del self._buffer[:wanted]
        self._wanted, self._lost = None, False
        return True

    def _header(self, found: list[Frame | BadFrame]) -> bool:
        end = _END.search(self._buffer)
        if end is None:
            if len(self._buffer) > LONGEST_HEADER:
                self._complain(found, "Bytes came that are not a message header.")
                # The garbage may end in the first half of the next header: keep as much as one can be long.
                del self._buffer[:-LONGEST_HEADER // 2]
            return False
        header = bytes(self._buffer[:end.start()])
        del self._buffer[:end.end()]
        lengths = _LENGTH.findall(header)
        if not lengths:
            if header.strip():
                self._complain(found, "A message header came without a valid Content-Length.")
            return True
        length = int(lengths[-1])
        if length > LONGEST_BODY:
            self._complain(found, f"A message of {length} bytes was announced; at most {LONGEST_BODY} fit.")
            return True
        if not all(_HEADER_LINE.fullmatch(line.strip()) for line in header.split(b"\n")):
            self._complain(found, "Bytes came between two messages that belong to neither.")
        self._wanted = length
        return True

    def _complain(self, found: list[Frame | BadFrame], why: str) -> None:
        if not self._lost:
            found.append(BadFrame(why))
        self._lost = True
