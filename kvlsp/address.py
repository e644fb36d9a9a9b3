"""Where a team's engine is: the address of a WebSocket, as a user writes it.

    wss://kvlsp.example.org/          encrypted, as it should be
    ws://127.0.0.1:8000/              a machine's own, or the near end of a tunnel
    insecure-ws://10.0.0.7:8000/      not encrypted, and its user knows that
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from kvlsp.errors import ConfigurationError

SCHEMES: Final = ("wss://", "ws://", "insecure-ws://")


@dataclass(frozen=True, slots=True)
class Address:
    """``url`` is for a WebSocket's client, ``text`` as the user wrote it; ``host`` with the port, if there is one."""

    text: str
    url: str
    host: str
    loopback: bool

    @classmethod
    def read(cls, text: str) -> Address:
        """:class:`ConfigurationError` with a sentence where no engine should be looked for there."""
        scheme = next((scheme for scheme in SCHEMES if text.startswith(scheme)), "")
        rest = text[len(scheme):]
        try:
            parts = urlsplit(f"ws://{rest}")
            host, port = parts.hostname or "", parts.port
        except ValueError:
            host, parts, port = "", urlsplit(""), None
        if not scheme or not host or any(character <= " " for character in text):
            raise ConfigurationError("That is not the address of an engine. Write it like wss://HOST/ or "
                                     "wss://HOST:PORT/.")
        if parts.username is not None or parts.query or parts.fragment:
            raise ConfigurationError("The address of an engine must not hold a user name, a password, ? or #. A token "
                                     "belongs into the file engine-tokens or into KVLSP_ENGINE_TOKEN.")
        loopback = _is_loopback(host)
        if scheme == "ws://" and not loopback:
            raise ConfigurationError(f"ws:// would send your text unencrypted to {host}. Use wss://, or write "
                                     "insecure-ws:// if that is what you want.")
        shown = f"[{host}]" if ":" in host else host
        return cls(text, f"{'wss' if scheme == 'wss://' else 'ws'}://{parts.netloc}{parts.path or '/'}",
                   shown if port is None else f"{shown}:{port}", loopback)


def is_address(text: str) -> bool:
    """Whether it was meant to be one."""
    return "://" in text


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
