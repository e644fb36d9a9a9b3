"""What a status bar shows: the engine's state, what the last request brought, what is wrong for a while.

Sent as ``kvlsp/status`` {kind, message, percent, detail, last, problems} to a client that wants it, and as copilot's
``didChangeStatus`` to one that asked for that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kvlsp.messages import Reason, StatusChanged
from kvlsp.server.convert import plain

STATUS = "kvlsp/status"
COPILOT_STATUS = "didChangeStatus"

_TEXTS_TOLD = 3
"""So many documents whose text is lost are named, the others counted."""

_COPILOT_KINDS = {"error": "Error", "paused": "Inactive"}


class Status:
    """The current status; ``notify(method, params)`` tells the client."""

    def __init__(self, notify: Callable[[str, Any], None]) -> None:
        self._notify = notify
        self.wanted = True
        self.copilot = False
        self._current = StatusChanged("loading", "starting")
        self._last: dict[str, Any] | None = None
        self._workspace: tuple[str, ...] = ()
        self._lost: tuple[str, ...] = ()
        self._pause: str | None = None

    @property
    def kind(self) -> str:
        return self._current.kind

    def changed(self, event: StatusChanged) -> None:
        self._current = event
        self._tell()

    def completed(self, items: int, reason: Reason | None, report: Any) -> None:
        """A request was answered: how, and at what cost. Cancelled ones say nothing to a user."""
        if reason not in (Reason.CANCELLED, Reason.SUPERSEDED):
            self._last = {"items": items, "reason": None if reason is None else reason.value,
                          "report": plain(report)}
            if self._current.kind != "computing":  # else the engine says at once that it is ready again
                self._tell()

    def paused(self, message: str | None) -> None:
        """The user wants a pause, or (None) no more."""
        self._pause = message
        self._tell()

    def workspace(self, problems: tuple[str, ...]) -> None:
        """Sentences about the workspace, as long as they hold; told when they become others."""
        if problems != self._workspace:
            self._workspace = problems
            self._tell()

    def texts_lost(self, uris: tuple[str, ...]) -> None:
        """The documents whose text is not known; told when they become others."""
        if uris != self._lost:
            self._lost = uris
            self._tell()

    @property
    def problems(self) -> list[str]:
        """Sentences for people."""
        lost = [f"kvlsp has lost the text of {uri}, because the editor sent what does not fit it. There are no "
                "completions in it until it is opened again." for uri in self._lost[:_TEXTS_TOLD]]
        if more := len(self._lost) - len(lost):
            lost.append(f"The same is true of {more} more.")
        return [*lost, *self._workspace]

    def as_json(self) -> dict[str, Any]:
        current = self._shown
        return {"kind": current.kind, "message": current.message, "percent": plain(current.percent),
                "detail": plain(current.detail), "last": self._last, "problems": self.problems}

    @property
    def _shown(self) -> StatusChanged:
        """A pause is shown while nothing is wrong, and nothing is on its way."""
        if self._pause is None or self._current.kind in ("loading", "error"):
            return self._current
        return StatusChanged("paused", self._pause, detail=self._current.detail)

    def _tell(self) -> None:
        if self.wanted:
            self._notify(STATUS, self.as_json())
        if self.copilot:
            self._notify(COPILOT_STATUS, {
                "busy": self._shown.kind in ("loading", "computing"), "message": self._shown.message,
                "kind": _COPILOT_KINDS.get(self._shown.kind, "Normal")})
