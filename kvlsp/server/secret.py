"""What an editor must know before a port of this machine does anything for it.

Any program of any user, and any page in a browser, reaches such a port. The secret stands in a file that only the user
can read, whose name follows from the address; or it is chosen in the environment, for clients that cannot read a file.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from platformdirs import user_cache_path

from kvlsp.errors import ConfigurationError

VARIABLE: Final = "KVLSP_TOKEN"

SHORTEST: Final = 16
"""Characters of a secret that somebody chose."""


def secret_file(host: str, port: int) -> Path:
    """Where the secret of a daemon at this address stands."""
    return user_cache_path("kvlsp", appauthor=False) / "tcp" / f"{host.replace(':', '_')}-{port}.token"


class Secret:
    """The secret of one address; in its file as long as this lives."""

    def __init__(self, host: str, port: int, environment: Mapping[str, str] | None = None) -> None:
        """Raises :class:`ConfigurationError` where the file cannot be written, or a chosen secret is too short."""
        chosen = (os.environ if environment is None else environment).get(VARIABLE, "")
        if chosen and len(chosen) < SHORTEST:
            raise ConfigurationError(f"{VARIABLE} is shorter than {SHORTEST} characters. Choose a longer secret, or "
                                     "leave it out, and kvlsp makes one.")
        self._text = chosen or secrets.token_urlsafe(32)
        self.file = None if chosen else secret_file(host, port)
        if self.file is not None:
            _write(self.file, self._text)

    def __str__(self) -> str:
        return "in the environment" if self.file is None else f"in {self.file}"

    def is_in(self, options: object) -> bool:
        """Whether ``initializationOptions`` hold it, as ``token``, flat or under ``kvlsp``."""
        inner = options.get("kvlsp") if isinstance(options, Mapping) else None
        return any(self._is(each.get("token")) for each in (options, inner) if isinstance(each, Mapping))

    def forget(self) -> None:
        """Delete the file: nobody needs the secret any more."""
        if self.file is not None:
            with contextlib.suppress(OSError):
                self.file.unlink()

    def _is(self, given: Any) -> bool:
        return isinstance(given, str) and hmac.compare_digest(
            given.strip().encode("utf-8", "surrogatepass"), self._text.strip().encode("utf-8", "surrogatepass"))


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.parent.chmod(0o700)
        file.unlink(missing_ok=True)  # of a daemon that was killed: the address is ours now
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
            opened.write(text)
    except (OSError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"The secret that an editor must send cannot be kept in {file} ({why}). Make its "
                                 f"folder writable, or choose a secret in {VARIABLE}.") from error
