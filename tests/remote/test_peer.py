"""A process by its identity: waited for, ended, and another's number left alone."""

from __future__ import annotations

import subprocess
import sys

from kvlsp.remote.peer import Handle


def sleeping() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)


def test_one_that_goes_on_has_not_ended_and_one_that_was_killed_has():
    process = sleeping()
    handle = Handle(process.pid)
    assert not handle.ended(0.05)
    handle.kill()
    assert handle.ended(10), "before anybody has waited for it"
    process.wait(10)
    assert handle.ended(0)
    handle.close()


def test_one_that_has_ended_before_is_not_waited_for():
    process = sleeping()
    process.kill()
    process.wait(10)
    handle = Handle(process.pid)
    assert handle.ended(10)
    handle.kill()
    handle.close()
