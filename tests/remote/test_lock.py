"""The lock of a place: one holder, whatever becomes of it, and nothing left behind."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys

import pytest

from kvlsp.errors import EngineUnreachable
from kvlsp.remote.lock import Lock, holder


def test_there_is_one_holder(tmp_path):
    path = tmp_path / "one.lock"
    lock = Lock.take(path)
    assert lock is not None
    assert Lock.take(path) is None
    assert holder(path) is None  # nobody has signed
    lock.sign()
    assert holder(path) == os.getpid()
    lock.tidy()
    assert not path.exists()
    assert holder(path) is None
    assert Lock.take(path) is not None


def test_a_child_that_inherits_it_holds_it_until_it_is_killed(tmp_path):
    path = tmp_path / "one.lock"
    lock = Lock.take(path)
    assert lock is not None
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=(lock.descriptor,))
    try:
        lock.pass_on()
        assert Lock.take(path) is None
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert Lock.take(path) is not None  # the file is there, and no lock


def test_a_file_that_was_tidied_away_meanwhile_is_no_lock(tmp_path):
    path = tmp_path / "one.lock"
    old = Lock.take(path)
    assert old is not None
    path.unlink()
    new = Lock.take(path)
    assert new is not None
    assert not old.stands
    old.tidy()
    assert new.stands, "only one's own file is tidied away"


def test_where_there_are_no_locks_nobody_is_waited_for(tmp_path, monkeypatch):
    def flock(_descriptor: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(EngineUnreachable, match="No locks available"):
        Lock.take(tmp_path / "one.lock")


def test_a_number_of_one_who_has_gone_means_nothing(tmp_path):
    path = tmp_path / "one.lock"
    path.write_text("4711\n")
    assert holder(path) is None
    taken = Lock.take(path)
    assert taken is not None
    assert path.read_text() == ""


def test_where_no_file_can_be_that_is_said(tmp_path):
    with pytest.raises(EngineUnreachable, match=r"none/one\.lock"):
        Lock.take(tmp_path / "none" / "one.lock")
