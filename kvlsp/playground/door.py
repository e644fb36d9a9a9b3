"""Who may come in: only the page that this address was given to, whatever else a browser on this machine has open.

Any page anywhere may have the browser send requests to a port of this machine, and any program may connect to it. So
the address holds a secret, and what a browser says about where a request comes from has to fit: the Host (a foreign
name that resolves to this machine is refused), the Origin, and the site. Pages can be read and nothing else.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from typing import Final

HOST: Final = "127.0.0.1"

NAMES: Final = (HOST, "localhost")


class Door:
    """Of one address. ``port`` is the one that was given, ``token`` the secret in the path."""

    def __init__(self, port: int, token: str | None = None) -> None:
        self.port = port
        self.token = token or secrets.token_urlsafe(32)

    @property
    def address(self) -> str:
        """What opens the page."""
        return f"http://{HOST}:{self.port}/{self.token}/"

    def refusal(self, method: str, path: str, headers: Mapping[str, str], *, socket: bool) -> tuple[int, str] | None:
        """Status and sentence for a request that is turned away; None: it may come in. ``socket``: a WebSocket is asked
        for, which a browser opens for any page unless the Origin is looked at."""
        hosts = [f"{name}:{self.port}" for name in NAMES]
        origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site", "none")
        if headers.get("Host", "").lower() not in hosts:
            return 421, "This address is for 127.0.0.1 only."
        if method not in ("GET", "HEAD"):
            return 405, "This page can only be read."
        foreign = origin is not None and origin.lower() not in [f"http://{host}" for host in hosts]
        if foreign or (socket and origin is None) or site not in ("none", "same-origin"):
            return 403, "This page belongs to kvlsp; no other page may use it."
        given = path.split("/")[1] if path.startswith("/") else ""
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode("ascii")):
            return 404, "Open the address that kvlsp has printed: it holds a secret."
        return None

    def policy(self, nonce: str) -> str:
        """Content-Security-Policy: what the page brings itself, and this port; ``nonce`` names its own styles."""
        sockets = " ".join(f"ws://{name}:{self.port}" for name in NAMES)
        return (f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
                f"connect-src 'self' {sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
                "require-trusted-types-for 'script'")
