"""Where the time of a turn goes: a tree of spans, printed when it took long.

    with tracing.to(lambda span: print(span.text(0.001)), least=0.005):          # seconds
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
    """One phase: ``numbers`` say how much it handled, ``began`` when it did by the trace's clock, ``seconds`` how long
    it took."""

    name: str
    numbers: dict[str, int]
    began: float = 0.0
    seconds: float = 0.0
    inner: list[Span] = field(default_factory=list)

    def text(self, least: float = 0.0) -> str:
        """Itself and what in it took at least ``least`` seconds, a line each."""
        return "\n".join(self.lines(least))

    def lines(self, least: float, depth: int = 0) -> Iterator[str]:
        """Itself and what in it took at least ``least`` seconds, indented."""
        counted = ", ".join(f"{count} {what}" for what, count in self.numbers.items())
        yield f"{'  ' * depth}{self.name}{f' ({counted})' if counted else ''} {1000 * self.seconds:.1f} ms"
        for span in self.inner:
            if span.seconds >= least:
                yield from span.lines(least, depth + 1)


@dataclass(slots=True)
class _Trace:
    tell: Callable[[Span], None]
    least: float
    clock: Clock
    outer: _Trace | None
    open: list[Span] = field(default_factory=list)

    def close(self, span: Span) -> None:
        """``span`` has ended: it belongs to the one around it, or is told, and then told further out."""
        if self.open:
            self.open[-1].inner.append(span)
            return
        if span.seconds >= self.least:
            self.tell(span)
        if self.outer is not None:
            self.outer.close(span)


_current: ContextVar[_Trace | None] = ContextVar("kvlsp-trace", default=None)
_OFF: AbstractContextManager[None] = nullcontext()


@contextmanager
def to(tell: Callable[[Span], None], least: float, clock: Clock = time.perf_counter) -> Iterator[None]:
    """Tell of each outermost span of this thread that takes at least ``least`` seconds, beside whoever is told of it
    already."""
    token = _current.set(_Trace(tell, least, clock, _current.get()))
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
    span.began = trace.clock()
    try:
        yield
    finally:
        span.seconds = trace.clock() - span.began
        trace.open.pop()
        trace.close(span)
