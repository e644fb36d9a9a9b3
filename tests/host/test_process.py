"""How the process begins: what it makes for itself is closed to others, what it fetches is as the user wants files."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading

import pytest

from kvlsp.config import Settings
from kvlsp.host.client import GREETING
from kvlsp.host.log import MOST
from kvlsp.host.process import Process
from kvlsp.host.thread import Prepared
from kvlsp.messages import Event
from kvlsp.remote.engine import RemoteEngine
from kvlsp.remote.finding import dial, find
from kvlsp.remote.lock import Lock
from kvlsp.remote.meeting_place import MeetingPlace
from kvlsp.wire import handshake
from kvlsp.wire.frames import pack
from tests.support.folders import short_folder
from tests.support.served import TIMEOUT, served

BEGIN = """
import os, sys
from kvlsp.host import process
process.Process.run = lambda self: print(oct(os.umask(0)), flush=True)
process.main(sys.argv[1])
"""

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no engine is shared there")


def test_models_that_it_fetches_are_as_readable_as_any_file_of_the_user():
    with short_folder() as folder:
        place = MeetingPlace(folder, "test")
        lock = Lock.take(place.lock)
        assert lock is not None
        told = json.dumps({"folder": str(folder), "name": place.name, "lock": lock.descriptor, "linger": 0})
        done = subprocess.run([sys.executable, "-c", BEGIN, told], pass_fds=(lock.descriptor,), umask=0o027,
                              capture_output=True, text=True, timeout=60, check=True)
        lock.tidy()
    assert done.stdout.strip() == "0o27"


def test_one_that_could_not_be_put_together_does_not_wait_for_who_has_mended_it():
    def fail() -> Prepared:
        raise ImportError("no torch here")

    with short_folder() as folder:
        place = MeetingPlace(folder, "test")
        lock = Lock.take(place.lock)
        assert lock is not None
        running = threading.Thread(target=Process(place, lock, 600.0, fail).run, daemon=True)
        running.start()
        found = find(place, threading.Event())
        told = threading.Event()

        def hear(event: Event) -> None:
            if "torch" in getattr(event, "message", ""):
                told.set()

        engine = RemoteEngine(Settings(), hear, find=lambda *_: found)
        engine.start()
        assert told.wait(TIMEOUT)
        engine.stop()
        running.join(TIMEOUT)
        assert not running.is_alive()
        assert not list(folder.iterdir())


def test_who_asks_again_and_again_how_it_is_does_not_keep_it_alive():
    with served() as place:
        place.begin(linger=0.2)
        asked = 0
        while (connection := dial(place.place)) is not None:
            with connection, contextlib.suppress(ConnectionError):  # it ends just now
                connection.sendall(pack(handshake.ask_status()))
                asked += bool(connection.recv(1 << 16))
            assert asked < 50_000
        place.wait()
        assert asked


def test_at_its_end_whoever_comes_is_let_in_while_somebody_else_says_nothing():
    with served() as place:
        place.begin(linger=0.0)
        silent = dial(place.place)
        assert silent is not None
        with silent:
            for _ in range(2):  # one may come before it looks whether it is needed
                comes = dial(place.place)
                assert comes is not None
                comes.settimeout(GREETING / 2)
                comes.sendall(pack(handshake.hello(Settings())))
                assert comes.recv(1 << 16), "it is greeted"
                comes.close()
        place.wait()


def test_its_log_is_kept_short():
    with short_folder() as folder:
        place = MeetingPlace(folder, "test")
        lock = Lock.take(place.lock)
        assert lock is not None
        log = os.open(folder / "a.log", os.O_RDWR | os.O_APPEND | os.O_CREAT)
        os.write(log, b"something happened\n" * (MOST // 10))
        process = Process(place, lock, 0.0, log=log)
        process.run()
        assert (folder / "a.log").stat().st_size <= MOST
        os.close(log)


def test_the_socket_and_the_lock_are_the_users_alone_whatever_files_are_usually():
    usual = os.umask(0)
    try:
        with served() as place:
            place.begin()
            for path in (place.place.socket, place.place.lock):
                assert path.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(usual)
