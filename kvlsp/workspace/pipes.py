"""Python processes of our own, and values that cross to them and back: frozen ones, pickled one after the other."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import signal
import sys
from collections.abc import Sequence
from typing import IO, Any, BinaryIO, Final


def command(module: str, arguments: Sequence[str] = ()) -> list[str]:
    """Runs ``module.main()`` in this Python with the paths that it has here; with ``arguments``, ``main`` gets them.

    Left to itself, Python would first look for modules in the current folder, which may be anybody's project.
    """
    given = repr(list(arguments)) if arguments else ""
    begin = f"import sys; sys.path[:] = sys.argv[1:]; from {module} import main; main({given})"
    return [sys.executable, "-c", begin, *(path for path in sys.path if path)]


def ends() -> tuple[BinaryIO, BinaryIO]:
    """In such a process: what comes, and where answers go; what anything prints does not come between them."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return incoming, outgoing


def end_with_parent() -> None:
    """In such a process, on Linux: it is killed when the thread that started it ends, whatever runs here then."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)


_PARENT_DEATH_SIGNAL: Final = 1


def write(stream: IO[bytes], message: Any) -> None:
    """One message, at once. :class:`OSError` when nobody reads."""
    pickle.dump(message, stream, protocol=pickle.HIGHEST_PROTOCOL)
    stream.flush()


def read(stream: IO[bytes]) -> Any:
    """The next message; None at the end of the stream, or where it breaks off."""
    try:
        return pickle.load(stream)  # from a process of our own only
    except (EOFError, OSError, ValueError, pickle.UnpicklingError):
        return None
