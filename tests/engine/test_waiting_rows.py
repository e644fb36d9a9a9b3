"""Typing that never rests: rows that have waited long are encoded between two keystrokes, a chunk at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.engine.test_session import edit, session_of
from tests.support.engine_bench import SETTINGS, Bench
from tests.support.models import tiny_model

TEXT = "value = compute(limit)\n" * 10


def test_rows_that_missed_many_changes_become_overdue_and_are_encoded_oldest_first():
    session = session_of(tiny_model(2, "prefix_first"), TEXT)
    session.sync(23)
    for keystroke in range(70):
        assert not session.overdue or keystroke >= 64
        edit(session, 23 + keystroke, 23 + keystroke, "x")
        session.sync(24 + keystroke)
    assert session.overdue
    waiting = session.cache.staleness.since.copy()
    frontier = session.cache.frontier
    assert session.refresh_oldest(40) == 40
    session.cache.check_integrity()
    done = np.flatnonzero(waiting != session.cache.staleness.since)
    assert len(done) == 40
    assert waiting[done].max() <= waiting[waiting >= 0].min()
    assert session.cache.frontier >= frontier
    while session.overdue:
        assert session.refresh_oldest(40)


def test_a_slide_that_is_interrupted_is_finished():
    bench = Bench(TEXT * 20, replace(SETTINGS, context_tokens=2048), load=lambda *_: tiny_model(2, "prefix_first"))
    bench.rest()
    session = bench.engine.documents.get(bench.snapshot.uri).session
    bench.edit(session.window.end - 20, session.window.end - 20, "x")
    bench.work()
    assert session.wants_slide
    bench.clock.pass_(1)
    bench.engine.turn(0)  # the first forward of it
    bench.edit(session.window.end - 20, session.window.end - 20, "y")
    bench.rest()
    assert not session.wants_slide
    assert session.cache.stale == 0
    session.cache.check_integrity()


def test_the_worker_does_so_without_a_pause_in_typing():
    bench = Bench(TEXT)
    bench.rest()
    session = bench.engine.documents.get(bench.snapshot.uri).session
    refreshed = session.totals.refreshed
    for keystroke in range(80):
        bench.edit(2 * keystroke, 2 * keystroke, "y")  # never where the caret was: the rest grows stale
        bench.work()
        bench.clock.pass_(0.01)
    assert session.totals.refreshed > refreshed
    assert not session.overdue
    assert bench.engine.patience() > 0
    session.cache.check_integrity()


def test_what_the_caret_has_crossed_is_encoded_before_the_keyboard_rests():
    bench = Bench(TEXT * 4, load=lambda *_: tiny_model(2, "suffix_first"))
    bench.work()
    session = bench.engine.documents.get(bench.snapshot.uri).session
    bench.edit(0, 0, "x")
    bench.work()
    bench.edit(len(TEXT) * 3, len(TEXT) * 3, "y")
    bench.engine.turn(0)
    bench.engine.turn(0)
    assert len(session.cache.crossed_caret)
    bench.work()  # the clock stands still: nobody rests
    assert not len(session.cache.crossed_caret)
    assert session.cache.stale > 0
    assert bench.engine.patience() > 0
