"""What is written down of a session: whose it was, from when to when, how much of what. No text, no file's name."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Final

log: Final = logging.getLogger("kvlsp.audit")


@dataclass(slots=True)
class Record:
    """One session's, as it grows."""

    user: str
    client: str
    """The daemon's own random name."""
    began: str = field(default_factory=lambda: now())
    ended: str = ""
    why: str = ""
    documents: int = 0
    edits: int = 0
    requests: int = 0
    offered: int = 0
    accepted: int = 0
    limited: int = 0

    def write(self, why: str) -> None:
        self.ended, self.why = now(), why
        log.info("%s", json.dumps(asdict(self)))


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
