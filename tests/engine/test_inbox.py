"""The queue: in order of arrival."""

from __future__ import annotations

import threading

from kvlsp.engine.inbox import Inbox


def test_messages_come_in_order():
    inbox: Inbox[int] = Inbox()
    assert inbox.take(0) is None
    inbox.post(1)
    inbox.post(2)
    assert bool(inbox)
    assert (inbox.take(), inbox.take(5)) == (1, 2)
    assert not inbox


def test_whoever_waits_elsewhere_is_told():
    told: list[str] = []
    inbox: Inbox[int] = Inbox(lambda: told.append("arrived"))
    inbox.post(1)
    assert told == ["arrived"]


def test_a_waiting_thread_is_woken():
    inbox: Inbox[str] = Inbox()
    taken: list[str | None] = []
    thread = threading.Thread(target=lambda: taken.append(inbox.take(None)))
    thread.start()
    inbox.post("hello")
    thread.join(10)
    assert taken == ["hello"]
