"""Signals that ask a process to end: Ctrl-C in a terminal, a service manager's stop, a terminal that is closed.

The daemon ends as it does when its editor hangs up, so that nothing of it stays behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from typing import Final

NAMES: Final = ("SIGINT", "SIGTERM", "SIGHUP")


def end_on_signals(loop: asyncio.AbstractEventLoop, ended: Callable[[], None]) -> None:
    """Calls ``ended`` in the loop. What was to be ignored (``nohup``) stays so. Nothing happens where the system's loop
    has no signals, or runs in another thread than the first."""
    for name in NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, ended)
