"""An engine is found or started; one that cannot be is told, and not started again and again."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading

import pytest

from kvlsp.errors import EngineUnreachable
from kvlsp.remote import finding
from kvlsp.remote.finding import find
from kvlsp.remote.lock import Lock
from kvlsp.remote.meeting_place import MeetingPlace

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no engine is shared there")


def test_one_that_ends_as_it_begins_is_told_and_begun_once(folder, monkeypatch):
    broken = folder / "python"
    broken.write_text("#!/bin/sh\necho began\nexit 3\n")
    broken.chmod(broken.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(broken))
    begun: list[MeetingPlace] = []
    start = finding._start
    monkeypatch.setattr(finding, "_start", lambda place, lock: (begun.append(place), start(place, lock))[1])
    place = MeetingPlace(folder, "test")
    with pytest.raises(EngineUnreachable, match="ended before it listened"):
        find(place, threading.Event(), patience=5)
    assert len(begun) == 1
    assert place.log.read_text() == "began\n"
    lock = Lock.take(place.lock)
    assert lock is not None, "the next one can be started"
    lock.tidy()


def test_one_that_hangs_as_it_begins_is_ended(folder, monkeypatch):
    """Before it could say which process it is."""
    hanging = folder / "python"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(hanging.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(hanging))
    begun: list[subprocess.Popen[bytes]] = []
    start = finding._start
    monkeypatch.setattr(finding, "_start", lambda place, lock: (begun.append(start(place, lock)), begun[-1])[1])
    try:
        with pytest.raises(EngineUnreachable, match="did not begin to listen"):
            find(MeetingPlace(folder, "test"), threading.Event(), patience=0.3)
        assert begun[0].wait(10) == -9
    finally:
        begun[0].kill()


def test_where_there_is_no_room_for_its_number_it_is_ended_and_its_lock_given_back(folder, monkeypatch):
    """A runtime folder is in memory, and small: it can be full."""
    sleeping = folder / "python"
    sleeping.write_text("#!/bin/sh\nexec sleep 60\n")
    sleeping.chmod(sleeping.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(sleeping))
    begun: list[subprocess.Popen[bytes]] = []

    class Popen(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *arguments: object, **named: object) -> None:
            super().__init__(*arguments, **named)  # type: ignore[call-overload]
            begun.append(self)

    def full(lock: Lock, process: int | None = None) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(finding.subprocess, "Popen", Popen)
    monkeypatch.setattr(Lock, "sign", full)
    place = MeetingPlace(folder, "test")
    with pytest.raises(EngineUnreachable, match="No space left"):
        find(place, threading.Event(), patience=5)
    assert begun[0].wait(10) == -9
    lock = Lock.take(place.lock)
    assert lock is not None, "nobody holds it any more"
    lock.tidy()
