"""The process that keeps the workspace, as the thread has it: started, told, and started again after a failure.

One process after the other; what an earlier one still says does not count. When the next may be started is decided in
:mod:`kvlsp.crossfile.supervision`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeAlias

from kvlsp.crossfile.supervision import Failure, Supervision
from kvlsp.errors import WorkspaceError
from kvlsp.workspace.messages import Ask, Condition, FromWorkspace, Retrieved, ToWorkspace
from kvlsp.workspace.process import Hear, Link

log = logging.getLogger(__name__)

Launch: TypeAlias = Callable[[Hear], Link]


class WorkspaceProcess:
    """``hear`` takes, in any thread, what the process with a number says; None: that process has ended. All else is
    called in one thread."""

    def __init__(self, launch: Launch, hear: Callable[[int, FromWorkspace | None], None],
                 clock: Callable[[], float]) -> None:
        self._launch, self._hear, self._clock = launch, hear, clock
        self._link: Link | None = None
        self._number = 0
        self._supervision = Supervision()

    @property
    def runs(self) -> bool:
        """Whether there is one now, as far as we know."""
        return self._link is not None

    @property
    def given_up(self) -> bool:
        """It failed too often, and is not started again before somebody switches it off and on."""
        return self._supervision.given_up

    @property
    def failures(self) -> dict[Failure, int]:
        """How often it ended by itself, and how often it had to be ended; from any thread."""
        return dict(self._supervision.failures)

    def start(self) -> bool:
        """Whether it was started: not during the pause after a failure. :class:`WorkspaceError` when it cannot be."""
        if self.given_up or self._supervision.again is not None:
            return False
        self._number += 1
        number = self._number
        self._link = self._launch(lambda message: self._hear(number, message))
        return True

    def send(self, message: ToWorkspace) -> None:
        """Nothing is done where there is none; a process that is gone says so itself."""
        if self._link is not None:
            try:
                self._link.send(message)
                if isinstance(message, Ask):
                    self._supervision.asked(message.number, self._clock())
            except WorkspaceError as error:
                log.debug("%s", error)

    def heard(self, number: int, message: FromWorkspace | None) -> bool:
        """Whether a message is of the process that there is now; it is taken for a sign of life."""
        if number != self._number:
            return False
        if isinstance(message, Retrieved):
            self._supervision.answered(message.number)
        elif isinstance(message, Condition) and message.indexing:
            self._supervision.heard(self._clock())
        return True

    @property
    def silent(self) -> bool:
        """A question is open for too long."""
        return self._supervision.silent(self._clock())

    def failed(self, how: Failure) -> None:
        """End it, and begin the pause before the next one, unless this was one failure too many."""
        self._unlink()
        self._supervision.failed(how, self._clock())

    def pause_is_over(self) -> bool:
        """True once after a pause: the next one may be started."""
        again = self._supervision.again
        if again is None or self._clock() < again:
            return False
        self._supervision.gone()
        return True

    def end(self) -> None:
        """Nobody wants it any more; the next one begins with a clean record."""
        self._unlink()
        self._supervision.forgive()

    def due(self, now: float) -> float | None:
        """Seconds until :attr:`silent` may be true, or the pause is over; None: neither."""
        return self._supervision.due(now)

    def _unlink(self) -> None:
        if self._link is not None:
            self._number += 1  # what it still says does not count
            self._link.close()
            self._link = None
        self._supervision.gone()
