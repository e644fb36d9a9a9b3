"""Outlines made in a process of their own, so that no file can take more time or memory than a file may.

    reader = Reader()
    outline = reader(language, text)      # as outline_of; raises TooCostly
    reader.close()

A parser is C: on a text made for it, it takes gigabytes, minutes, or the process along, and nothing in Python can stop
it. Where the system can, the process has a bound of memory and, for each text, one of processor time; everywhere there
is one of time by the clock. When it dies, the text was the cause, and the next text gets a new one. It ends with its
owner, at the latest by that clock, and when it was not used for long.
"""

from __future__ import annotations

import contextlib
import logging
import subprocess
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from kvlsp.errors import KvlspError, TooCostly
from kvlsp.syntax.language import Language
from kvlsp.workspace.outline import Outline, outline_of
from kvlsp.workspace.pipes import command, end_with_parent, ends, read, write

log = logging.getLogger(__name__)

MEMORY: Final = 512 << 20
"""Bytes beyond those of the idle process; an ordinary megabyte of source takes a tenth of it."""
PROCESSOR: Final = 6
"""Seconds of processor time for one text."""
CLOCK: Final = 60.0
"""Seconds for one text, at the lowest priority on a busy machine."""
IDLE: Final = 120.0
"""Seconds without work after which the process is not kept."""
REMEMBERED: Final = 8
"""Texts whose outline is remembered: an open document is asked for several times."""


class Reader:
    """An ``Outliner`` with bounds; one thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._used = 0.0
        self._known: OrderedDict[tuple[str, str], Outline | None] = OrderedDict()

    def __call__(self, language: Language, text: str) -> Outline:
        key = (language.name, text)
        if key not in self._known:
            self._known[key] = self._ask(language, text)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        outline = self._known[key]
        if outline is None:
            raise TooCostly("This text takes too much time or memory to parse.")
        return outline

    def tidy(self) -> None:
        """End a process that nobody has needed for long; to be called now and then."""
        if self._process is not None and self._clock() - self._used > IDLE:
            self.close()

    def close(self) -> None:
        """End the process; returns when it has ended."""
        process, self._process = self._process, None
        self._known.clear()
        if process is not None:
            _end(process)

    def _ask(self, language: Language, text: str) -> Outline | None:
        """None: it takes too much."""
        self._used = self._clock()
        if self._process is None:
            try:
                self._process = subprocess.Popen(command(__name__), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                                 stderr=subprocess.DEVNULL, creationflags=_HIDDEN)
            except (OSError, ValueError) as error:  # rather unprotected than not at all
                log.warning("The process that parses cannot be started (%s); files are parsed without it.", error)
                return outline_of(language, text)
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        alarm = threading.Timer(CLOCK, process.kill)
        alarm.start()
        try:
            write(process.stdin, (language.name, text))
            answer = read(process.stdout)
        except OSError:
            answer = None
        finally:
            alarm.cancel()
        if isinstance(answer, Outline):
            return answer
        if isinstance(answer, KvlspError) and not isinstance(answer, TooCostly):
            raise answer
        if answer is None:  # it is no more, or is of no use
            self._process = None
            process.kill()
            _end(process)
        return None


def _end(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    try:
        process.wait(2.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


_HIDDEN: Final = getattr(subprocess, "CREATE_NO_WINDOW", 0)


def main() -> None:
    """The process itself."""
    import faulthandler
    import os
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    incoming, outgoing = ends()
    bound = _bounds()
    with open(os.devnull, "w") as nowhere:
        while (message := read(incoming)) is not None:
            name, text = message
            bound()
            faulthandler.dump_traceback_later(CLOCK, exit=True, file=nowhere)  # in C, whatever runs
            answer = _outline(name, text)
            faulthandler.cancel_dump_traceback_later()
            with contextlib.suppress(OSError):
                write(outgoing, answer)


def _outline(name: str, text: str) -> Outline | KvlspError:
    language = Language.of(name)
    assert language is not None
    try:
        return outline_of(language, text)
    except KvlspError as error:
        return error
    except (MemoryError, RecursionError):
        return TooCostly("It takes too much memory.")


def _bounds() -> Callable[[], None]:
    """Bounds this process's memory, where the system can; what comes back bounds the time of the next text."""
    try:
        import resource
        import sys
    except ImportError:  # Windows
        return lambda: None
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if sys.platform.startswith("linux"):
            with open("/proc/self/statm", encoding="ascii") as file:
                taken = int(file.read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))

    def bound() -> None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        most = resource.getrlimit(resource.RLIMIT_CPU)[1]
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime) + PROCESSOR, most))

    return bound


