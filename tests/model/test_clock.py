"""Time of work that a device does beside the thread: all of it, and nothing else's on a CPU."""

from __future__ import annotations

import time

import torch

from kvlsp.model import clock
from tests.support.clock import ManualClock


def test_a_cpu_works_in_the_thread_that_asks():
    assert clock.work_clock(torch.device("cpu")) is time.thread_time


def test_an_accelerator_is_waited_for_before_the_time_is_read(monkeypatch):
    now, queued = ManualClock(0.0), [0.5]
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: now.pass_(queued.pop() if queued else 0.0))
    monkeypatch.setattr(time, "perf_counter", now)
    read = clock.work_clock(torch.device("cuda"))
    assert read() == 0.5
    queued.append(2.0)  # a forward is queued: that took no time of this thread
    assert read() == 2.5
