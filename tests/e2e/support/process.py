"""What a process and its children use, as Linux tells it; and a start without what is read lying in memory already."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_MODULE = re.compile(r"(?:-m|from) (\S+)")


@dataclass(frozen=True)
class Use:
    """Of one process, at one moment."""

    what: str
    """The module that it runs."""
    mib: float
    """Resident memory."""
    own_mib: float
    """Its share of that: what several processes map counts for each by its part (PSS)."""
    seconds: float
    """Of processor time since its start, all threads."""
    read_mib: float
    """From the disk."""


def use_of(pid: int) -> Use:
    process = Path("/proc", str(pid))
    command = process.joinpath("cmdline").read_bytes().decode().replace("\0", " ")
    what = match.group(1) if (match := _MODULE.search(command)) else command
    times = process.joinpath("stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    ticks = sum(map(int, times[11:13]))
    return Use(what, _kib(process / "status", "VmRSS") / 1024, _kib(process / "smaps_rollup", "Pss") / 1024,
               ticks / os.sysconf("SC_CLK_TCK"), _kib(process / "io", "read_bytes") / 1024**2)


def children_of(pid: int) -> Iterator[int]:
    """Children, and theirs."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, task.joinpath("children").read_text(encoding="utf-8").split()):
            yield child
            yield from children_of(child)


def _kib(file: Path, name: str) -> int:
    """A line ``name: number``, in the unit of that file."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return 0


_READ = re.compile(r"/[^\s'\"]+?\.(?:pyc|py|so)\b[^\s'\"]*")


def files_of(command: Sequence[str], folder: Path) -> list[Path]:
    """The files that a Python program imports, as far as it comes without input. ``command`` begins with the
    interpreter."""
    python, *words = command
    done = subprocess.run([python, "-v", *words], cwd=folder, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL)
    return [path for path in {folder / name for name in _READ.findall(done.stderr)} if path.is_file()]


def forget(files: Sequence[Path]) -> None:
    """Takes files out of the system's memory, but for pages that another process maps."""
    for path in files:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
