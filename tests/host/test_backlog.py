"""What waits for an engine is bounded, and who is beyond the bound waits for nothing but the engine."""

from __future__ import annotations

import threading

from kvlsp.host.backlog import Backlog

TIMEOUT = 30.0


def test_messages_are_bounded_until_they_are_taken():
    backlog = Backlog(messages=2)
    for _ in range(2):
        assert backlog.room(0)
        backlog.add(1)
    assert not backlog.room(0)
    backlog.took(backlog.mark)
    assert backlog.room(0)


def test_so_are_their_bytes_but_one_message_may_have_more():
    backlog = Backlog(nbytes=100)
    assert backlog.room(0)
    backlog.add(5000)
    assert not backlog.room(0)
    backlog.took(backlog.mark)
    backlog.add(99)
    assert backlog.room(0)


def test_what_came_after_the_engine_looked_still_waits():
    backlog = Backlog(messages=2)
    backlog.add(1)
    before = backlog.mark
    backlog.add(1)
    backlog.took(before)
    backlog.add(1)
    assert not backlog.room(0)


def test_who_waits_goes_on_when_there_is_room_or_the_engine_has_ended():
    for relieve in (lambda backlog: backlog.took(backlog.mark), Backlog.end):
        backlog = Backlog(messages=1)
        backlog.add(1)
        went_on = threading.Event()

        def wait(backlog: Backlog = backlog, went_on: threading.Event = went_on) -> None:
            if backlog.room(TIMEOUT):
                went_on.set()

        threading.Thread(target=wait, daemon=True).start()
        relieve(backlog)
        assert went_on.wait(TIMEOUT)


def test_nothing_waits_for_an_engine_that_has_ended():
    backlog = Backlog(messages=1)
    backlog.end()
    for _ in range(3):
        backlog.add(1)
        assert backlog.room(0)
