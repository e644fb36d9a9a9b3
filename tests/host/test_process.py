"""How the process begins: what it makes for itself is closed to others, what it fetches is as the user wants files."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from kvlsp.remote.lock import Lock
from kvlsp.remote.place import Place
from tests.support.folders import short_folder
from tests.support.served import served

BEGIN = """
import os, sys
from kvlsp.host import process
process.Process.run = lambda self: print(oct(os.umask(0)), flush=True)
process.main(sys.argv[1])
"""

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no engine is shared there")


def test_models_that_it_fetches_are_as_readable_as_any_file_of_the_user():
    with short_folder() as folder:
        place = Place(folder, "test")
        lock = Lock.take(place.lock)
        assert lock is not None
        told = json.dumps({"folder": str(folder), "name": place.name, "lock": lock.descriptor, "linger": 0})
        done = subprocess.run([sys.executable, "-c", BEGIN, told], pass_fds=(lock.descriptor,), umask=0o027,
                              capture_output=True, text=True, timeout=60, check=True)
        lock.tidy()
    assert done.stdout.strip() == "0o27"


def test_the_socket_and_the_lock_are_the_users_alone_whatever_files_are_usually():
    usual = os.umask(0)
    try:
        with served() as place:
            place.begin()
            for path in (place.place.socket, place.place.lock):
                assert path.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(usual)
