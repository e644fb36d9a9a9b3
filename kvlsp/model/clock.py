"""How long a model's work takes, on a device that works beside the thread that asks: told once it has ended.

A forward on an accelerator returns when its work is queued, so the time of the thread measures launches.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch


def finish(device: torch.device) -> None:
    """Wait until all that was queued on ``device`` is done; at once where nothing is queued (a CPU)."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def work_clock(device: torch.device) -> Callable[[], float]:
    """Seconds for work on ``device``: on a CPU of this thread alone, whatever else the machine does; elsewhere of the
    wall, read when all that was queued is done."""
    if device.type == "cpu":
        return time.thread_time

    def finished() -> float:
        finish(device)
        return time.perf_counter()

    return finished
