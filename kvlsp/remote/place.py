"""Where the daemons of a user meet their shared engine: a folder that is theirs alone, a name per version and model.

    place = meeting_place(settings)
    place.socket, place.lock, place.log

Two versions of kvlsp, or two models, are two places, so that they live side by side.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import stat
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import kvlsp
from kvlsp.config import Settings
from kvlsp.errors import EngineUnreachable
from kvlsp.wire.schema import PROTOCOL

_LONGEST: Final = 100
"""Bytes of a socket's path; systems take from 104 on."""

_ENVIRONMENT: Final = ("CUDA_VISIBLE_DEVICES", "HF_HOME", "HF_HUB_OFFLINE", "HOME", "OMP_NUM_THREADS", "XDG_CACHE_HOME")
"""What else a model and its measurements depend on."""


@dataclass(frozen=True, slots=True)
class Place:
    """``folder`` belongs to this user alone; ``name`` is that of one engine in it."""

    folder: Path
    name: str

    @property
    def socket(self) -> Path:
        return self.folder / f"{self.name}.sock"

    @property
    def lock(self) -> Path:
        """Held by the engine as long as it lives, and before by who starts it. Its process id stands there."""
        return self.folder / f"{self.name}.lock"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"


def meeting_place(settings: Settings, environment: Mapping[str, str] = os.environ) -> Place:
    """Where an engine for these settings is met. :class:`EngineUnreachable` where no safe folder can be had."""
    if not _shares():
        raise EngineUnreachable("This system has no Unix sockets, so every editor has an engine of its own.")
    place = Place(runtime_folder(environment), _name(settings, environment))
    if len(os.fsencode(place.socket)) > _LONGEST:
        raise EngineUnreachable(f"The path {place.socket} is too long for a socket; set XDG_RUNTIME_DIR to a shorter "
                                "one.")
    return place


def runtime_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of this user's sockets, made if need be, open to nobody else."""
    above = Path(environment.get("XDG_RUNTIME_DIR") or "/nowhere")
    if not (above.is_absolute() and _is_ours(above)):
        above = Path(tempfile.gettempdir())
        folder = above / f"kvlsp-{os.geteuid()}"
    else:
        folder = above / "kvlsp"
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        if not _is_ours(folder):
            raise EngineUnreachable(f"{folder} belongs to somebody else, so no engine can be shared there; set "
                                    "XDG_RUNTIME_DIR to a folder of yours.")
        folder.chmod(0o700)
    except OSError as error:
        raise EngineUnreachable(f"No engine can be shared in {folder} ({error.strerror}); set XDG_RUNTIME_DIR to a "
                                "folder of yours.") from error
    return folder


def places(environment: Mapping[str, str] = os.environ) -> list[Place]:
    """Of all engines of this user that were started and not tidied away."""
    if not _shares():
        return []
    folder = runtime_folder(environment)
    return [Place(folder, path.stem) for path in sorted(folder.glob("*.lock"))]


def elsewhere(settings: Settings) -> Settings:
    """The same settings for a process that works in another folder."""
    model = settings.model
    if model.startswith(("./", "../")) or model in (".", ".."):
        return dataclasses.replace(settings, model=os.path.abspath(model))
    return settings


def _shares() -> bool:
    """Whether this system has Unix sockets, and users to tell apart."""
    return hasattr(os, "geteuid") and sys.platform != "win32"


def _is_ours(folder: Path) -> bool:
    """Whether it is a folder, no link to one, of this user."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def _name(settings: Settings, environment: Mapping[str, str]) -> str:
    code = Path(kvlsp.__file__).parent
    told = [PROTOCOL, str(code), sys.executable, elsewhere(settings).names_model,
            [environment.get(name) for name in _ENVIRONMENT]]
    digest = hashlib.blake2b(json.dumps(told).encode("ascii"), digest_size=6).hexdigest()
    return f"{kvlsp.__version__}-{digest}"
