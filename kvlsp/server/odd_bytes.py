"""The text of a message whose bytes are not all UTF-8.

Editors hand on what stands in their buffers: a file in Latin-1, half of a surrogate pair written by itself. To leave
the message out would leave us with another text than the editor has, so each odd byte gets a stand-in of one byte:
columns that count bytes, units or characters go on to agree.
"""

from __future__ import annotations

import codecs
from typing import Final

STAND_IN: Final = "?"

_ERRORS: Final = "kvlsp-stand-in"


def read_text(body: bytes) -> str:
    """The characters of a message's body. Halves of a pair that come side by side become the character they are."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = body.decode("utf-8-sig", _ERRORS)
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    odd = error.object[error.start:error.start + 3]
    half = odd.decode("utf-8", "surrogatepass") if _is_half(odd) else ""
    return (half, error.start + 3) if half else (STAND_IN, error.start + 1)


def _is_half(odd: bytes) -> bool:
    """Whether three bytes are a surrogate in the manner of UTF-8."""
    return len(odd) == 3 and odd[0] == 0xED and 0xA0 <= odd[1] <= 0xBF and 0x80 <= odd[2] <= 0xBF


codecs.register_error(_ERRORS, _stand_in)
