"""How far a measurement is, on standard error, so that standard output stays the result.

A bar in a terminal; where nobody looks on, as in a log, a line now and then.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TextIO, TypeVar

from kvlsp.config import Settings

if TYPE_CHECKING:
    from kvlsp.opening.model import LoadProgress, Model

Step = TypeVar("Step")

EVERY: Final = 30.0
"""Seconds between two lines."""


@contextmanager
def bar(title: str, total: int) -> Iterator[Callable[..., None]]:
    """Show a bar of ``total`` steps; gives the function that advances it by one, or by as many as it is told."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield Lines(title, total, sys.stderr).advance
        return
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda count=1: progress.advance(task, count)


class Lines:
    """Counts steps up to ``total``, and writes a line each :data:`EVERY` seconds of ``clock`` at most."""

    def __init__(self, title: str, total: int, to: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._title, self._total, self._to, self._clock = title, total, to, clock
        self._began = self._told = clock()
        self._done = 0

    def advance(self, count: int = 1) -> None:
        """So many more steps are done."""
        self._done += count
        now = self._clock()
        if now - self._told < EVERY:
            return
        self._told = now
        passed = now - self._began
        left = passed / self._done * max(0, self._total - self._done)
        self._to.write(f"{self._title}: {self._done} of {self._total}, {duration(passed)} so far, about "
                       f"{duration(left)} left\n")
        self._to.flush()


def tracked(title: str, steps: Sequence[Step]) -> Iterator[Step]:
    """``steps``, with a :func:`bar` that counts them."""
    with bar(title, len(steps)) as advance:
        for step in steps:
            yield step
            advance()


def duration(seconds: float) -> str:
    """In the unit that a person would take: "40 s", "12 min", "3.5 h"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def opened(settings: Settings) -> Model:
    """:func:`kvlsp.opening.model.open_model`, and what it is at meanwhile is shown."""
    from kvlsp.opening.model import open_model

    with _loading() as progress:
        return open_model(settings, progress)


def opened_ready(settings: Settings) -> Model:
    """:func:`kvlsp.opening.ready.open_ready`, likewise."""
    from kvlsp.opening.ready import open_ready

    with _loading() as progress:
        return open_ready(settings, progress)


@contextmanager
def _loading() -> Iterator[LoadProgress]:
    """A line that says what is done now, in a terminal; it goes when the model is there."""
    from rich.console import Console
    from rich.markup import escape

    def said(share: float | None, text: str) -> str:
        return escape(text if share is None else f"{text}, {100 * share:.0f} %")

    with Console(file=sys.stderr).status("loading the model") as status:
        yield lambda share, text: status.update(said(share, text))
