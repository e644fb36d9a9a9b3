"""The way to the engine of a team: an address, this daemon's name there, a token."""

from __future__ import annotations

import dataclasses
import os
import random
import stat
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from platformdirs import user_config_path

from kvlsp.address import Address
from kvlsp.config import Settings
from kvlsp.errors import ConfigurationError
from kvlsp.remote.link import Link
from kvlsp.remote.websocket import reach

CLIENT: Final = "serve-multiplexed-model-id"
"""The header by which Ray Serve finds the replica that has served this daemon before."""
VARIABLE: Final = "KVLSP_ENGINE_TOKEN"

_HERE: Final = ("model", "device", "dtype", "order", "threads", "engine", "cache_mib", "disk_mib", "unload_minutes",
                "disabled_files", "exclude", "trace", "full_prefill")
"""Settings that say something about this machine, and nothing to an engine elsewhere."""
_DEFAULTS: Final[Mapping[str, Any]] = {
    field.name: field.default for field in dataclasses.fields(Settings) if field.name in _HERE}


class OfTheTeam:
    """The way to the engine at an address. Each instance is a client of its own there."""

    again = "the team's engine is looked for again"
    advice = ""

    def __init__(self, address: Address, token: Callable[[Address], str] | None = None) -> None:
        self.name = f"The engine at {address.host}"
        self._address, self._token = address, token or token_for
        self._client = uuid.uuid4().hex

    def settings(self, settings: Settings) -> Settings:
        return dataclasses.replace(settings, **_DEFAULTS)

    def link(self, settings: Settings, given_up: threading.Event, clock: Callable[[], float]) -> Link:
        """Reads the token anew: another one may stand there by now."""
        headers, token = {CLIENT: self._client}, self._token(self._address)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return Link(reach(self._address, headers), settings, clock, name=self.name)

    def pause(self, seconds: float) -> float:
        """All clients of a replica lose it in the same moment: they do not come again in one."""
        return seconds * random.uniform(0.5, 1.5)


def token_file() -> Path:
    """A line for each engine: its address as in the setting ``engine``, a space, the token."""
    return user_config_path("kvlsp", appauthor=False) / "engine-tokens"


def token_for(address: Address, environment: Mapping[str, str] = os.environ, file: Path | None = None) -> str:
    """The token for this engine, of the environment or of the file; "" where there is none.

    It is never a setting, which could be a workspace's. :class:`ConfigurationError` for a file that others can read.
    """
    if token := environment.get(VARIABLE, "").strip():
        return _sound(token, VARIABLE)
    file = file or token_file()
    try:
        if os.name == "posix" and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigurationError(f"Other users of this machine can read {file}, so the token in it is not used; "
                                     f"chmod 600 {file} mends that.")
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}, which holds the engine's token, cannot be read "
                                 f"({getattr(error, 'strerror', None) or 'it is not text'}).") from error
    found = [words[1] for words in map(str.split, lines) if len(words) == 2 and words[0] == address.text]
    return _sound(found[0], str(file)) if found else ""


def _sound(token: str, where: str) -> str:
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise ConfigurationError(f"The token in {where} has characters that no token has; copy it again.")
    return token
