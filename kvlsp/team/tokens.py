"""Who may use the team's engine: a file with the hash of each token, whose it is, until when, and how much.

    {"tokens": [{"user": "ada", "sha256": "9f86...", "expires": "2027-06-30", "sessions": 8, "requestsPerMinute": 600}]}

A token is 256 random bits, so a plain hash of it says nothing. It is shown once, when it is made.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import logging
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from kvlsp.errors import ConfigurationError, EngineRefuses

log = logging.getLogger(__name__)

SESSIONS: Final = 16
REQUESTS: Final = 1200
CHARACTERS: Final = 16 << 20

_Positive = Annotated[int, Meta(ge=1, le=1 << 40)]


class Grant(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What one token allows its user, on each replica. ``expires``: the last day, of UTC."""

    user: Annotated[str, Meta(min_length=1, max_length=200)]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    expires: datetime.date
    sessions: _Positive = SESSIONS
    """Editors at the same time."""
    requests_per_minute: _Positive = REQUESTS
    characters: _Positive = CHARACTERS
    """Of all documents that one editor has open."""


class _File(Struct, forbid_unknown_fields=True):
    tokens: list[Grant] = []


ANYBODY: Final = Grant("", "0" * 64, datetime.date.max, 256, 1 << 40, 1 << 30)
"""Of an engine without tokens."""


def today() -> datetime.date:
    return datetime.datetime.now(datetime.timezone.utc).date()


class Tokens:
    """The file as it stands: read again when it has changed."""

    def __init__(self, path: Path, day: Callable[[], datetime.date] = today) -> None:
        """:class:`ConfigurationError` for a file that cannot be read."""
        self._path, self._day = path, day
        self._stamp: tuple[int, int, int] | None = None
        self._unreadable = False
        self._grants: dict[str, Grant] = {}
        self._read()

    def find(self, token: str) -> Grant:
        """What this token allows. :class:`EngineRefuses` with a sentence for its sender."""
        self._read()
        if not token:
            raise EngineRefuses("This engine needs a token: ask its operator for one, and put it into the file "
                                "engine-tokens or into KVLSP_ENGINE_TOKEN.")
        grant = self._grants.get(digest(token))
        if grant is None:
            raise EngineRefuses("This engine does not know the token that was sent; it may have been withdrawn. Ask "
                                "the engine's operator for another one.")
        self._check(grant)
        return grant

    def check(self, grant: Grant) -> None:
        """That a token still holds. :class:`EngineRefuses` when it does not."""
        self._read()
        if grant.sha256 not in self._grants:
            raise EngineRefuses("The token has been withdrawn. Ask the engine's operator for another one.")
        self._check(self._grants[grant.sha256])

    def _check(self, grant: Grant) -> None:
        if self._day() > grant.expires:
            raise EngineRefuses(f"The token of {grant.user} expired on {grant.expires}. Ask the engine's operator for "
                                "another one.")

    def _read(self) -> None:
        """Read the file if it has changed. If it has become unreadable, tokens stay as they were, and that is logged
        once."""
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp != self._stamp:
                self._grants = {grant.sha256: grant for grant in read(self._path)}
                self._stamp = stamp
            self._unreadable = False
        except (OSError, ConfigurationError) as error:
            why = str(error) if isinstance(error, ConfigurationError) else (
                f"{self._path} cannot be read ({error.strerror}).")
            if self._stamp is None:
                raise ConfigurationError(why) from error
            if not self._unreadable:
                log.warning("%s The tokens last read stay valid; none can be withdrawn until it can be read.", why)
            self._unreadable = True


def digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def read(path: Path) -> list[Grant]:
    """All grants of the file. :class:`ConfigurationError` for one that does not hold."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File).tokens
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}). Name the file of tokens with --tokens; "
                                 "kvlsp team token add makes one.") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise ConfigurationError(f"{path} is not a file of tokens: {error}. kvlsp team token add makes one.") from error


def write(path: Path, grants: list[Grant]) -> None:
    """Replace the file in one step. A new one is readable by this user alone; one that exists keeps its owner and
    permissions, since a replica may run as another user. :class:`ConfigurationError` where it cannot be written."""
    text = msgspec.json.format(msgspec.json.encode(_File(grants)), indent=2) + b"\n"
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text)
            _as_before(path, name)
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written ({error.strerror}).") from error


def _as_before(path: Path, name: str) -> None:
    try:
        before = path.stat()
    except OSError:  # there is none
        return
    if hasattr(os, "chown"):
        try:
            os.chown(name, before.st_uid if os.geteuid() == 0 else -1, before.st_gid)
        except OSError:  # the group that may read it is not ours to give
            return
    os.chmod(name, before.st_mode & 0o777)


def new_token() -> str:
    return f"kvlsp-{secrets.token_urlsafe(32)}"
