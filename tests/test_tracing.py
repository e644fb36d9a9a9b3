"""A tree of what took long, and nothing of what did not."""

from __future__ import annotations

from kvlsp import tracing
from kvlsp.tracing import span
from tests.support.clock import ManualClock


def test_a_slow_turn_is_told_as_a_tree_without_its_short_parts():
    clock, told = ManualClock(), []
    with tracing.to(lambda span: told.append(span.text(0.005)), least=0.02, clock=clock), span("turn"):
        with span("apply EditDocument"):
            clock.pass_(0.001)
        with span("work", rows=12):
            clock.pass_(0.01)
            with span("encode", rows=12):
                clock.pass_(0.02)
    assert told == ["turn 31.0 ms\n  work (12 rows) 30.0 ms\n    encode (12 rows) 20.0 ms"]


def test_a_quick_turn_is_not_told_and_a_failing_one_is():
    clock, told = ManualClock(), []
    with tracing.to(lambda span: told.append(span.text(0.005)), least=0.02, clock=clock):
        with span("turn"):
            clock.pass_(0.01)
        try:
            with span("turn"), span("encode"):
                clock.pass_(0.03)
                raise RuntimeError
        except RuntimeError:
            pass
    assert told == ["turn 30.0 ms\n  encode 30.0 ms"]


def test_without_a_listener_nothing_is_kept():
    told: list[str] = []
    with span("turn"), span("encode"):
        pass
    with tracing.to(lambda span: told.append(span.text()), least=0.0, clock=ManualClock()), span("turn"):
        pass
    assert told == ["turn 0.0 ms"]


def test_a_second_listener_takes_nothing_from_the_first():
    clock, log, page = ManualClock(), [], []
    with tracing.to(lambda span: log.append(span.text()), least=0.02, clock=clock):
        for seconds in (0.01, 0.03):
            with tracing.to(lambda span: page.append((span.began, span.text())), least=0.0, clock=clock), span("turn"):
                clock.pass_(seconds)
    assert log == ["turn 30.0 ms"]
    assert page == [(1000.0, "turn 10.0 ms"), (1000.01, "turn 30.0 ms")]
