"""Memory that this process may take at most, whatever the machine has: limits of its control groups and its own.

A container, a service of systemd or ``ulimit`` bounds a process below what the machine has free; who takes more is
killed without a word, or refused. Of models nothing is known here.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kvlsp.errors import OutOfMemory

GROUPS: Final = Path("/sys/fs/cgroup")
OWN: Final = Path("/proc/self")
_REFUSALS: Final = ("can't allocate memory", "cannot allocate memory", "unable to allocate", "failed to allocate",
                    "not enough memory", "insufficient memory", "out of memory", "std::bad_alloc")  # fmt: skip


def left(groups: Path = GROUPS, own: Path = OWN) -> int | None:
    """Bytes that may still be taken under the tightest limit; None where there is none that is known."""
    return min((max(0, one) for one in (*_of_groups(groups, own), *_of_process(own))), default=None)


def is_shortage(error: BaseException) -> bool:
    """Whether the system gave no more memory, to ``error`` or to what it was raised from: PyTorch and others have no
    error of their own for that."""
    if isinstance(error, (MemoryError, OutOfMemory)) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    if isinstance(error, (RuntimeError, OSError)) and tells_of_shortage(str(error)):
        return True
    return error.__cause__ is not None and is_shortage(error.__cause__)


def tells_of_shortage(said: str) -> bool:
    """Whether a library says in these words that the system gave no more memory."""
    return any(part in said.lower() for part in _REFUSALS)


def _of_groups(groups: Path, own: Path) -> Iterator[int]:
    """What is left in each control group that this process is in: version 2, or the one for memory of version 1. What
    the system keeps of files there makes room when it is needed. Beyond the high mark nobody is ended, but slowed down
    until nothing moves, so it bounds like the other one."""
    try:
        lines = (own / "cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if not controllers:
            root, bounds, used, prefix = groups, ["memory.max", "memory.high"], "memory.current", ""
        elif "memory" in controllers.split(","):
            root, bounds, used, prefix = groups / "memory", ["memory.limit_in_bytes"], "memory.usage_in_bytes", "total_"
        else:
            continue
        group = root / path.strip("/")
        for one in (group, *group.parents):
            limits, taken = [_number(one / bound) for bound in bounds], _number(one / used)
            limit = min((limit for limit in limits if limit is not None), default=None)
            if limit is not None and taken is not None:
                yield limit - taken + _of_files(one / "memory.stat", prefix)
            if one == root:
                break


def _number(path: Path) -> int | None:
    """None where there is no number, as where a limit is "max"."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _of_files(path: Path, prefix: str) -> int:
    wanted = {f"{prefix}inactive_file", f"{prefix}active_file"}
    try:
        parts = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
        return sum(int(one[1]) for one in parts if one[0] in wanted)
    except (OSError, ValueError, IndexError):
        return 0


def _of_process(own: Path) -> Iterator[int]:
    """What is left of the process's own limits, where it has some: all of its addresses, and data of its own."""
    try:
        import resource
    except ImportError:
        return
    try:
        pages = [int(part) for part in (own / "statm").read_text(encoding="ascii").split()]
        page = os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return
    for kind, taken in ((resource.RLIMIT_AS, pages[0]), (resource.RLIMIT_DATA, pages[5])):
        limit, _ = resource.getrlimit(kind)
        if limit != resource.RLIM_INFINITY:
            yield limit - taken * page
