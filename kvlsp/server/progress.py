"""Work-done progress for what takes long: loading the model, prefilling a big file.

The client is asked for a token first and may say no; work that ends before it answers, or before a person would notice,
is never shown.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Hashable
from typing import Any

from kvlsp.server import lsp
from kvlsp.server.tickets import CallLater, Timer

PATIENCE = 0.4
"""Seconds of work that nobody needs to be told about."""

Ask = Callable[[str, Any, Callable[[Any, Any], None]], None]


class _Task:
    """One progress bar: wanted, asked for, shown."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.token = f"kvlsp-{uuid.uuid4()}"
        self.message: str | None = None
        self.percent: int | None = None
        self.start: Timer | None = None
        self.expiry: Timer | None = None
        self.shown = False

    def stop_timers(self) -> None:
        for timer in (self.start, self.expiry):
            if timer is not None:
                timer.cancel()


class Progress:
    """All progress bars of a client, by what they are about."""

    def __init__(self, ask: Ask, notify: Callable[[str, Any], None], call_later: CallLater) -> None:
        self._ask, self._notify, self._call_later = ask, notify, call_later
        self.enabled = False
        self._tasks: dict[Hashable, _Task] = {}

    def report(self, about: Hashable, title: str, message: str | None, percent: float | None,
               expires: float | None = None) -> None:
        """How far the work is now; ``percent`` is None when that is not known.

        Work that may be given up without a word (a keystroke made it needless) ends when nothing has been
        reported for ``expires`` seconds.
        """
        if not self.enabled:
            return
        whole = None if percent is None else max(0, min(100, int(percent)))
        task = self._tasks.get(about)
        if task is None:
            task = self._tasks[about] = _Task(title)
            task.start = self._call_later(PATIENCE, lambda: self._create(about, task))
        if expires is not None:
            if task.expiry is not None:
                task.expiry.cancel()
            task.expiry = self._call_later(expires, lambda: self.end(about))
        if (task.message, task.percent) == (message, whole):
            return
        task.message, task.percent = message, whole
        if task.shown:
            self._send(task, lsp.WorkDoneProgressReport(message=message, percentage=whole))

    def end(self, about: Hashable) -> None:
        task = self._tasks.pop(about, None)
        if task is None:
            return
        task.stop_timers()
        if task.shown:
            self._send(task, lsp.WorkDoneProgressEnd())

    def _create(self, about: Hashable, task: _Task) -> None:
        params = {"token": task.token}
        self._ask("window/workDoneProgress/create", params,
                  lambda _result, error: self._begin(about, task) if error is None else None)

    def _begin(self, about: Hashable, task: _Task) -> None:
        if self._tasks.get(about) is not task:
            return  # it ended meanwhile
        task.shown = True
        self._send(task, lsp.WorkDoneProgressBegin(
            title=task.title, message=task.message, percentage=task.percent or 0, cancellable=False))

    def _send(self, task: _Task, value: Any) -> None:
        self._notify("$/progress", {"token": task.token, "value": value})
