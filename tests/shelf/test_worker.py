"""Jobs are done in order, but for those that somebody waits for: they come first, and amid long ones."""

from __future__ import annotations

import logging
import threading

from kvlsp.shelf.worker import Worker


def test_what_somebody_waits_for_is_done_amid_a_long_job():
    worker, done, asked = Worker(), [], threading.Event()

    def long() -> None:
        assert asked.wait(30)
        done.append("begun")
        worker.give_way()
        done.append("ended")

    worker.do(long)
    worker.do(lambda: done.append("later"))
    worker.do_soon(lambda: done.append("soon"))
    worker.do_soon(lambda: done.append("soon, too"))
    asked.set()
    assert worker.finish(30)
    assert done == ["begun", "soon", "soon, too", "ended", "later"]


def test_a_job_that_fails_ends_nothing(caplog):
    worker, done = Worker(), []

    def fails() -> None:
        raise KeyError("its text")

    worker.do_soon(fails)
    worker.do(fails)
    worker.do(lambda: done.append(1))
    worker.close(30)
    assert done == [1]
    errors = [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR]
    assert errors == ["Work on rows on disk failed (KeyError)."] * 2
