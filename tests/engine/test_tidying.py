"""Memory goes back to the system at rest, or in the end without one; never where nothing was freed."""

from __future__ import annotations

from kvlsp.engine.tidying import LONGEST, LULL, REST, Tidying
from tests.support.clock import ManualClock


def tidying() -> tuple[Tidying, ManualClock, list[float]]:
    clock, done = ManualClock(), []
    return Tidying(clock, lambda: done.append(clock())), clock, done


def test_it_waits_for_a_rest():
    tidy, clock, done = tidying()
    tidy.closed()
    assert tidy.wait() == REST
    tidy.work(idle=True)
    assert not done
    clock.pass_(REST)
    tidy.closed()
    assert tidy.wait() == 0
    tidy.work(idle=False)
    assert not done
    tidy.work(idle=True)
    assert len(done) == 1
    assert tidy.wait() is None


def test_where_documents_come_and_go_it_waits_no_longer_than_that():
    tidy, clock, done = tidying()
    for _ in range(25):
        tidy.closed()
        clock.pass_(LONGEST / 10)
        tidy.work(idle=False)
    assert len(done) == 2


def test_nothing_is_done_where_nothing_was_freed():
    tidy, clock, done = tidying()
    clock.pass_(100)
    tidy.work(idle=True)
    assert not done


def test_what_work_has_used_goes_back_when_there_is_none_for_a_while():
    tidy, clock, done = tidying()
    for _ in range(3):
        tidy.worked()
        clock.pass_(LULL / 2)
        tidy.work(idle=True)
    assert not done
    assert tidy.wait() == LULL / 2
    clock.pass_(LULL / 2)
    tidy.work(idle=False)
    assert not done
    tidy.work(idle=True)
    assert len(done) == 1
    assert tidy.wait() is None
