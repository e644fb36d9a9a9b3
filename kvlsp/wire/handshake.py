"""The first frames of a conversation: who speaks which version, and what is said where the two differ."""

from __future__ import annotations

import kvlsp
from kvlsp.config import Settings
from kvlsp.errors import WireError
from kvlsp.wire import schema
from kvlsp.wire.frames import first
from kvlsp.wire.words import of_settings


def hello(settings: Settings, secret: bytes = b"") -> schema.Hello:
    return schema.Hello(schema.PROTOCOL, kvlsp.__version__, of_settings(settings), secret)


def ask_status(secret: bytes = b"") -> schema.AskStatus:
    return schema.AskStatus(schema.PROTOCOL, kvlsp.__version__, secret)


def ask_end(secret: bytes = b"") -> schema.AskEnd:
    return schema.AskEnd(schema.PROTOCOL, kvlsp.__version__, secret)


def welcome(process: int) -> schema.Welcome:
    return schema.Welcome(schema.PROTOCOL, kvlsp.__version__, process)


def understood(opening: schema.Opening, body: bytes) -> schema.First:
    """The first frame of a client whose version is ours; :class:`WireError` with a sentence for its user, else."""
    if opening.protocol != schema.PROTOCOL:
        theirs = opening.version if opening.version.isascii() and opening.version.isprintable() else "?"
        raise WireError(f"This engine is kvlsp {kvlsp.__version__} and speaks version {schema.PROTOCOL} of its "
                        f"protocol; kvlsp {theirs}, which connected, speaks version {opening.protocol}. Install the "
                        "same version of kvlsp at both ends.")
    return first(body)
