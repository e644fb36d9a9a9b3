"""Where the daemons of a user meet their shared engine: a folder that is theirs alone, a name per version and model.

    place = meeting_place(settings)
    place.socket, place.lock, place.log

Two versions of kvlsp, or two models, are two places, so that they live side by side; so are a version and a model
before and after their files were changed.
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

_DIGEST: Final = 6
_LONGEST: Final = 100
"""Bytes of a socket's path; systems take from 104 on."""

_ENVIRONMENT: Final = ("CUDA_", "HIP_", "HOME", "MKL_", "OMP_", "PYTORCH_", "ROCR_", "XDG_CACHE_HOME")
"""How variables begin on which a model and its measurements depend."""
_OF_HUBS: Final = ("HF_", "OLLAMA_MODELS", "TRANSFORMERS_")
"""And one that has to be found."""


@dataclass(frozen=True, slots=True)
class MeetingPlace:
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


def meeting_place(settings: Settings, environment: Mapping[str, str] = os.environ) -> MeetingPlace:
    """Where an engine for these settings is met. :class:`EngineUnreachable` where no safe folder can be had."""
    return MeetingPlace(meeting_folder(environment), _name(settings, environment))


def meeting_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of all places. :class:`EngineUnreachable` with the reason why no engine can be shared here."""
    if not shares():
        raise EngineUnreachable("This system has no Unix sockets, so every editor has an engine of its own.")
    if environment.get("HOME") == os.devnull:
        raise EngineUnreachable("This user has no home folder, so every editor has an engine of its own.")
    folder = runtime_folder(environment)
    longest = MeetingPlace(folder, _named("0" * 2 * _DIGEST)).socket
    if len(os.fsencode(longest)) > _LONGEST:
        raise EngineUnreachable(f"The path {longest} is too long for a socket; set XDG_RUNTIME_DIR to a shorter one.")
    return folder


def runtime_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of this user's sockets, made if need be, open to nobody else."""
    above = Path(environment.get("XDG_RUNTIME_DIR") or "/nowhere")
    if not (above.is_absolute() and _is_ours(above)):
        folder = _temporary() / f"kvlsp-{os.geteuid()}"
    else:
        folder = above / "kvlsp"
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        if not _is_ours(folder):
            raise EngineUnreachable(f"{folder} belongs to another user, so no engine can be shared there; set "
                                    "XDG_RUNTIME_DIR to a folder of your own.")
        folder.chmod(0o700)
    except OSError as error:
        raise EngineUnreachable(f"No engine can be shared in {folder} ({error.strerror}); set XDG_RUNTIME_DIR to a "
                                "folder of your own.") from error
    return folder


def _temporary() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except OSError as error:
        raise EngineUnreachable("No folder for temporary files can be written to, so no engine can be shared; set "
                                "XDG_RUNTIME_DIR to a folder of your own.") from error


def places(environment: Mapping[str, str] = os.environ) -> list[MeetingPlace]:
    """Of all engines of this user that were started and not tidied away."""
    if not shares():
        return []
    folder = runtime_folder(environment)
    return [MeetingPlace(folder, path.stem) for path in sorted(folder.glob("*.lock"))]


def elsewhere(settings: Settings) -> Settings:
    """The same settings for a process that works in another folder."""
    model = settings.model
    if model.startswith(("./", "../")) or model in (".", ".."):
        with contextlib.suppress(OSError):  # this process's folder was removed: the engine says what it does not find
            return dataclasses.replace(settings, model=os.path.abspath(model))
    return settings


def shares() -> bool:
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
    beginnings = (*_ENVIRONMENT, *_OF_HUBS) if settings.model else _ENVIRONMENT
    told = [PROTOCOL, str(code), _written(code), sys.executable, elsewhere(settings).names_model,
            _files(settings.model), sorted(one for one in environment.items() if one[0].startswith(beginnings))]
    return _named(hashlib.blake2b(json.dumps(told).encode("ascii"), digest_size=_DIGEST).hexdigest())


def _named(digest: str) -> str:
    return f"{kvlsp.__version__}-{digest}"


def _written(folder: Path) -> list[int]:
    """When the newest module was written, and how many there are: so somebody who works on kvlsp gets an engine of
    today's code."""
    newest = count = 0
    for above, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            if name.endswith(".py"):
                with contextlib.suppress(OSError):
                    newest, count = max(newest, os.stat(os.path.join(above, name)).st_mtime_ns), count + 1
    return [newest, count]


def _files(model: str) -> list[tuple[str, int, int]]:
    """The files of a model that is a folder, or a file, by name, size and time: changed, it is another model."""
    found = []
    with contextlib.suppress(OSError, RuntimeError, ValueError):  # whatever is wrong with it, the engine says
        path = Path(model).expanduser() if model.startswith(("/", "~", ".")) else None
        for one in sorted(path.iterdir() if path.is_dir() else [path]) if path is not None else ():
            seen = one.stat()
            found.append((one.name, seen.st_size, seen.st_mtime_ns))
    return found
