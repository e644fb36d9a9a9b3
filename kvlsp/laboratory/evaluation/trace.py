"""Recorded editing sessions: reading them, and turning transactions into changes.

The form is that of the public editing traces (one JSON object, optionally gzipped): ``startContent``,
``endContent`` and ``txns``, each with ``patches`` ``[position, deleted characters, inserted text]`` whose positions
refer to the text that the patch before left.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kvlsp import plain_file
from kvlsp.errors import TraceError
from kvlsp.text.document import Change
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope

Transaction = tuple[Edit, ...]


LONGEST = 1 << 30
"""Bytes of a recording."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A session from ``start`` over ``transactions`` to ``end``."""

    name: str
    start: str
    transactions: tuple[Transaction, ...]
    end: str


def read_trace(path: Path) -> Trace:
    """Read ``path`` (JSON, gzipped when it begins so); :class:`TraceError` says what is wrong with it."""
    try:
        raw = plain_file.read(path, LONGEST)
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
        recorded = json.loads(raw)
        transactions = tuple(
            tuple(_edit(*patch) for patch in entry["patches"])
            for entry in recorded["txns"]
        )
        return Trace(path.name, _text(recorded["startContent"]), transactions, _text(recorded["endContent"]))
    except OSError as error:
        raise TraceError(f"The recording {path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError, EOFError, RecursionError, zlib.error) as error:
        raise TraceError(
            f"{path} is not a recorded editing session: {type(error).__name__}. "
            "Expected a JSON object with startContent, endContent and txns."
        ) from error


def _edit(position: object, deleted: object, text: object) -> Edit:
    if type(position) is not int or type(deleted) is not int:
        raise TypeError("a patch says where it is in something else than numbers")
    return Edit(position, position + deleted, _text(text))


def _text(value: object) -> str:
    """Raises :class:`TypeError` or :class:`ValueError` for what is no text, or holds half of a character."""
    if not isinstance(value, str):
        raise TypeError("a text is none")
    value.encode()
    return value


def play(text: Rope, transaction: Iterable[Edit]) -> tuple[Change, ...]:
    """The changes of one transaction, each with the text after it."""
    changes = []
    for edit in transaction:
        if not 0 <= edit.start <= edit.end <= len(text):
            raise TraceError(f"The recording is broken: it edits characters {edit.start} to {edit.end} of {len(text)}.")
        text = text.replace(edit)
        changes.append(Change(edit, text))
    return tuple(changes)
