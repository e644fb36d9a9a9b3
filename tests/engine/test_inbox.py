"""The queue: in order, looked at without taking; and the pace of forwards."""

from __future__ import annotations

import threading

from kvlsp.engine.inbox import Inbox
from kvlsp.engine.pace import Pace
from tests.support.clock import ManualClock


def test_messages_come_in_order_and_can_be_looked_at():
    inbox: Inbox[int] = Inbox()
    assert inbox.take(0) is None
    inbox.post(1)
    inbox.post(2)
    assert list(inbox.waiting()) == [1, 2]
    assert bool(inbox)
    assert (inbox.take(), inbox.take(5)) == (1, 2)
    assert not inbox


def test_a_waiting_thread_is_woken():
    inbox: Inbox[str] = Inbox()
    taken: list[str | None] = []
    thread = threading.Thread(target=lambda: taken.append(inbox.take(None)))
    thread.start()
    inbox.post("hello")
    thread.join(10)
    assert taken == ["hello"]


def test_the_pace_finds_the_rows_that_take_the_wanted_time():
    clock = ManualClock()
    pace = Pace(clock, target=0.025, least=16, most=512)
    for _ in range(30):
        with pace as rows:
            clock.pass_(rows * 0.0001)
    assert 240 <= pace.rows <= 260
    for _ in range(30):
        with pace as rows:
            clock.pass_(rows * 0.01)
    assert pace.rows == 16
