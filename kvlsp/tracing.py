"""Where the time of a turn goes: a tree of spans, printed when it took long.

    with tracing.to(print, least=0.005):          # seconds
        with span("turn"):
            with span("encode", rows=12): ...

    turn 31.2 ms
      apply EditDocument 0.4 ms
      encode (12 rows) 30.1 ms

Without :func:`to` a span costs a look-up. Names and numbers only: no text of the user's ever comes here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field

Clock = Callable[[], float]


@dataclass(slots=True)
class Span:
    """One phase: ``numbers`` say how much it handled, ``seconds`` how long it took."""

    name: str
    numbers: dict[str, int]
    seconds: float = 0.0
    inner: list[Span] = field(default_factory=list)

    def lines(self, least: float, depth: int = 0) -> Iterator[str]:
        """Itself and what in it took at least ``least`` seconds, indented."""
        counted = ", ".join(f"{count} {what}" for what, count in self.numbers.items())
        yield f"{'  ' * depth}{self.name}{f' ({counted})' if counted else ''} {1000 * self.seconds:.1f} ms"
        for span in self.inner:
            if span.seconds >= least:
                yield from span.lines(least, depth + 1)


@dataclass(slots=True)
class _Trace:
    tell: Callable[[str], None]
    least: float
    clock: Clock
    open: list[Span] = field(default_factory=list)


_current: ContextVar[_Trace | None] = ContextVar("kvlsp-trace", default=None)
_OFF: AbstractContextManager[None] = nullcontext()


@contextmanager
def to(tell: Callable[[str], None], least: float, clock: Clock = time.perf_counter) -> Iterator[None]:
    """Tell of each outermost span of this thread that takes at least ``least`` seconds."""
    token = _current.set(_Trace(tell, least, clock))
    try:
        yield
    finally:
        _current.reset(token)


def span(name: str, **numbers: int) -> AbstractContextManager[None]:
    """A phase of what is under way in this thread."""
    trace = _current.get()
    return _OFF if trace is None else _timed(trace, Span(name, numbers))


@contextmanager
def _timed(trace: _Trace, span: Span) -> Iterator[None]:
    trace.open.append(span)
    began = trace.clock()
    try:
        yield
    finally:
        span.seconds = trace.clock() - began
        trace.open.pop()
        if trace.open:
            trace.open[-1].inner.append(span)
        elif span.seconds >= trace.least:
            trace.tell("\n".join(span.lines(trace.least / 4)))
