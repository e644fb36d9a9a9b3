"""Counters and recent latencies: what the statistics command and the status bar show. Numbers only, no user text."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

import numpy as np

_RECENT = 512


class Statistics:
    """Owned by the model's thread."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.ahead = 0
        """Requests whose work had begun before they came."""
        self.stops: Counter[str] = Counter()
        self.feedback: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()
        self.accepted_characters = 0
        self._latencies: deque[float] = deque(maxlen=_RECENT)
        self.last: Mapping[str, Any] = {}

    def answered(self, reason: str | None, report: Mapping[str, Any]) -> None:
        """One request was answered, with items (``reason`` None) or without."""
        self.answers[reason or "offered"] += 1
        self.ahead += bool(report.get("ahead"))
        if report.get("stop"):
            self.stops[str(report["stop"])] += 1
        for kind in ("kept", "moved", "encoded", "repaired", "adopted", "copied", "generated", "drafted", "accepted"):
            self.rows[kind] += int(report.get(kind, 0))
        if "latency_ms" in report and reason is None:
            self._latencies.append(float(report["latency_ms"]))
        self.last = {**report, "reason": reason}

    def describe(self) -> dict[str, Any]:
        latencies = np.asarray(self._latencies or [0.0])
        return {
            "answers": dict(self.answers),
            "begunAhead": self.ahead,
            "stops": dict(self.stops),
            "feedback": dict(self.feedback),
            "rows": dict(self.rows),
            "acceptedCharacters": self.accepted_characters,
            "latencyMs": {
                "p50": round(float(np.quantile(latencies, 0.5)), 1),
                "p95": round(float(np.quantile(latencies, 0.95)), 1),
                "count": len(self._latencies),
            },
            "last": dict(self.last),
        }
