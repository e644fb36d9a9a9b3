"""Signals that ask a process to end: Ctrl-C in a terminal, a service manager's stop, a terminal that is closed.

The daemon ends as it does when its editor hangs up, so that nothing of it stays behind. Who asks once more while it
does, and has seen it wait for something, is not made to wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

NAMES: Final = ("SIGINT", "SIGTERM", "SIGHUP")

AT_ONCE: Final = ("SIGINT", "SIGTERM")
"""Those that end the process in the middle of its end: a terminal that is closed says so more than once."""

TWICE: Final = 0.5
"""Seconds in which a signal that comes again is the same wish: a terminal and the program that started this one both
hand a Ctrl-C on."""


def end_on_signals(loop: asyncio.AbstractEventLoop, ended: Callable[[], None]) -> None:
    """Calls ``ended`` in the loop. What was to be ignored (``nohup``) stays so. Nothing happens where the system's loop
    has no signals, or runs in another thread than the first."""
    for name in NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, ended)


def end_at_once_on_signals(loop: asyncio.AbstractEventLoop) -> None:
    """From now on, while the loop may stand still in what the end takes, one more signal ends the process as if nobody
    had taken care of it."""
    began = time.monotonic()

    def end(number: int, _frame: FrameType | None) -> None:
        if time.monotonic() >= began + TWICE:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    for name in AT_ONCE:
        number = getattr(signal, name, None)
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            if number is not None and loop.remove_signal_handler(number):
                signal.signal(number, end)
