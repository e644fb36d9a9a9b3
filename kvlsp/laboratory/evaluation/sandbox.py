"""Running a candidate program in a child process: time limit, memory limit, no network, no files to write.

A fence against accidents of generated code, not against malice: limits of the kernel (processor time, memory,
file size, processes), an empty environment and folder, and an audit hook that refuses sockets, processes and
writing. Where the kernel allows it without privileges, the child gets a network namespace of its own, too.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["passed", "failed", "timed out"]

#: What runs before the program, in the child. `unshare` is called through libc: os.unshare needs Python 3.12.
_FENCE = """
import sys
def _fence(seconds, memory):
    import ctypes, os
    try:
        ctypes.CDLL(None).unshare(0x10000000 | 0x40000000)  # CLONE_NEWUSER | CLONE_NEWNET
    except Exception:
        pass
    try:
        import resource
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except ImportError:
        pass
    refused = (
        "socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.kill",
        "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod",
        "shutil.", "ctypes.", "pty.", "webbrowser.",
    )
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT
    def hook(event, arguments):
        if event.startswith(refused):
            raise PermissionError("a candidate program may not do this: " + event)
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & writing:
            raise PermissionError("a candidate program may not write files")
    sys.addaudithook(hook)
_fence({seconds}, {memory})
del _fence
exec(compile(sys.stdin.read(), "<candidate>", "exec"), {{"__name__": "__main__"}})
sys.exit({reached})
"""


#: Exit code of a program that was run to its end; one that leaves early by itself has not passed.
_REACHED = 86


@dataclass(frozen=True)
class Limits:
    """What a candidate may use: seconds (processor time and, with a margin, wall time) and bytes of
    memory.
    """

    seconds: int = 4
    memory: int = 1 << 30


def run(program: str, limits: Limits = Limits()) -> Outcome:
    """Run `program` (Python source). "passed" means that it came to its end, without an exception or exit.

    A program that does not compile fails without a process.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(program, "<candidate>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "failed"
    fence = _FENCE.format(seconds=limits.seconds, memory=limits.memory, reached=_REACHED)
    with tempfile.TemporaryDirectory() as folder:
        try:
            result = subprocess.run(
                [sys.executable, "-I", "-S", "-B", "-c", fence],
                input=program.encode("utf-8", "replace"),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=folder,
                env={},
                timeout=limits.seconds * 3 + 5,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "timed out"
    if result.returncode == _REACHED:
        return "passed"
    return "timed out" if result.returncode in (-9, -24) else "failed"
