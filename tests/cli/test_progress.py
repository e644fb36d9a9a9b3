"""How far a measurement is stands in a log, too: a line now and then, none where it is soon done."""

from __future__ import annotations

import io

import pytest

from kvlsp.cli.progress import EVERY, Lines, bar, duration, tracked
from tests.support.clock import ManualClock


def test_a_line_now_and_then_with_what_is_left():
    clock, log = ManualClock(), io.StringIO()
    lines = Lines("edits", 100, log, clock)
    for _ in range(60):
        clock.pass_(EVERY / 10)
        lines.advance()
    said = log.getvalue().splitlines()
    assert len(said) == 6
    assert said[0] == "edits: 10 of 100, 30 s so far, about 4 min left"
    lines.advance(60)
    clock.pass_(EVERY)
    lines.advance()
    assert log.getvalue().splitlines()[-1].endswith("about 0 s left"), "more steps than were foreseen"


def test_what_is_soon_done_says_nothing(capsys):
    with bar("quick", 3) as advance:
        advance()
        advance(2)
    assert list(tracked("also", range(4))) == [0, 1, 2, 3]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("seconds", "said"), [(0, "0 s"), (99, "99 s"), (720, "12 min"), (12_600, "3.5 h")])
def test_durations(seconds, said):
    assert duration(seconds) == said
