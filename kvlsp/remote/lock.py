"""A lock that the system gives back whatever becomes of its holder, and that can be handed to a child process.

A file's lock belongs to the open file, not to the process: whoever inherits the descriptor holds it on.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from kvlsp.errors import EngineUnreachable

try:
    import fcntl
except ImportError:  # Windows, where no engine is shared
    fcntl = None  # type: ignore[assignment]


class Lock:
    """A lock that is held. ``descriptor`` may be inherited."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path, self.descriptor = path, descriptor

    @classmethod
    def take(cls, path: Path) -> Lock | None:
        """The lock; None while somebody else holds it. :class:`EngineUnreachable` where there can be none."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise EngineUnreachable(f"No engine can be shared: {path} cannot be locked ({error.strerror}).") from error
        lock = cls(path, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES):
                return None
            raise EngineUnreachable(f"No engine can be shared: {path} cannot be locked ({error.strerror}).") from error
        if not lock.stands:  # its holder has tidied it away meanwhile
            os.close(descriptor)
            return None
        os.truncate(descriptor, 0)
        return lock

    @property
    def stands(self) -> bool:
        """Whether the file is still the one that others would lock."""
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self.descriptor))
        except OSError:
            return False

    def sign(self, process: int | None = None) -> None:
        """Say which process holds it: this one, or a child that it is passed on to."""
        os.pwrite(self.descriptor, b"%d\n" % (process or os.getpid()), 0)

    def pass_on(self) -> None:
        """A child has it now."""
        os.close(self.descriptor)

    def tidy(self) -> None:
        """Give it back, and leave no file behind."""
        if self.stands:
            with contextlib.suppress(OSError):
                self._path.unlink()
        os.close(self.descriptor)


def holder(path: Path) -> int | None:
    """The process that holds the lock, as it says; None when nobody does, or nobody has said so yet."""
    try:
        with open(path, "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                text = file.read(32).strip()
                return int(text) if text.isdigit() else None
    except OSError:
        pass
    return None
