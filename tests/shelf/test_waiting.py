"""Rows on their way to the disk have one bound, however many write."""

from __future__ import annotations

import sys
import threading

from kvlsp.config import Settings
from kvlsp.engine.engine import Engine
from kvlsp.host.thread import bounded
from kvlsp.shelf.folder import Folder
from kvlsp.shelf.shelf import Shelf
from kvlsp.shelf.shelved import leaving
from kvlsp.shelf.waiting import Waiting
from kvlsp.shelf.worker import Worker
from kvlsp.shelf.worth import Worth
from tests.support.shelves import LINES, kind_of, session_of, settled
from tests.support.writing import writing_model


def test_two_shelves_share_a_bound_and_what_is_written_makes_room(tmp_path):
    model = writing_model(1, b"abc", line=5)
    rows = leaving(settled(session_of(model, LINES[:200]), 100).cache)
    assert rows is not None
    waiting, worker, go_on = Waiting(rows.nbytes), Worker(), threading.Event()
    worker.do(lambda: go_on.wait(30))
    one, other = (Shelf(kind_of(model), Folder(tmp_path, 1 << 30), worker, Worth(), waiting) for _ in range(2))
    assert one.keep("a", rows)
    assert not other.keep("b", rows)
    assert (one.has("a"), other.has("b")) == (True, False)
    go_on.set()
    assert worker.finish(30)
    assert other.keep("b", rows)
    assert worker.finish(30)
    assert other.has("b")
    worker.close(30)


def test_no_byte_is_lost_between_threads():
    waiting = Waiting(1000)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        def move() -> None:
            for _ in range(2000):
                if waiting.take(10):
                    waiting.give_back(10)

        threads = [threading.Thread(target=move) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert waiting.take(1000)
    assert not waiting.take(1)


def test_engines_of_one_process_have_it_together():
    make = bounded(Engine)
    one, other = (make(Settings(), lambda event: None) for _ in range(2))
    assert one.documents.shelving.waiting is other.documents.shelving.waiting
