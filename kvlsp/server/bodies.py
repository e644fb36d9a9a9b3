"""The JSON of a message's body, also where an encoder does not hold to the standard and its meaning is plain."""

from __future__ import annotations

import json
from typing import Any, Final

from kvlsp.server.odd_bytes import read_text

_AS_THEY_ARE: Final = json.JSONDecoder(strict=False)
"""Control characters may stand in strings by themselves: to leave the message out would lose a change of a text."""


def read(body: bytes) -> Any:
    """What the body says. :class:`ValueError` or :class:`RecursionError` where that cannot be told."""
    text = read_text(body)
    try:
        return _AS_THEY_ARE.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # a number of more digits than Python reads, which is none that anything here could use
        return json.JSONDecoder(strict=False, parse_int=_of_any_length).decode(text)


def _of_any_length(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:
        return float(digits)
