"""How long a keystroke waits while the cache is being made exact: at most for one forward of the refresh.

The worker looks at its queue between two forwards, so a keystroke that arrives during one waits for its rest. Here the
same forwards are run and keystrokes arrive at drawn moments within them; beside it, the same keystrokes at rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from kvlsp.engine.pace import Pace
from kvlsp.engine.session import Session
from kvlsp.engine.upkeep import REFRESH_SECONDS
from kvlsp.opening.model import Model
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope


def measure(model: Model, text: str, *, keystrokes: int = 100, seed: int = 0,
            advance: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Milliseconds (p50, p99) of a keystroke in the middle of ``text`` until the logits for a completion are there,
    at rest and while a refresh runs, and of the refresh's forwards."""
    session = Session(model, Snapshot("memory", 0, Rope.of(text), ""), context=model.decoder.context_length,
                      generation_rows=160)
    pace, random = Pace(time.perf_counter, REFRESH_SECONDS), Random(seed)
    caret = text.rfind("\n", 0, len(text) // 2)
    session.sync(caret)
    times: dict[str, list[float]] = {"at_rest": [], "while_refreshing": [], "refresh_forward": []}
    for number in range(keystrokes):
        while session.refresh(256):
            pass
        times["at_rest"].append(_keystroke(session, caret + 2 * number))
        # an edit far above makes the rest stale, the keyboard rests, a refresh begins
        _edit(session, 0, "#\n" if number % 2 == 0 else "", 0 if number % 2 == 0 else 2)
        caret += 2 if number % 2 == 0 else -2
        session.sync(caret + 2 * number + 1)
        began = time.perf_counter()
        with pace as rows:
            pace.did(session.refresh(rows))
        forward = time.perf_counter() - began
        times["refresh_forward"].append(forward)
        wait = forward * (1 - random.random())
        times["while_refreshing"].append(wait + _keystroke(session, caret + 2 * number + 1))
        advance()
    return {
        "document_tokens": len(session.tokens.ids),
        **{name: {"p50": _quantile(some, 0.5), "p99": _quantile(some, 0.99)} for name, some in times.items()},
    }


def _keystroke(session: Session, offset: int) -> float:
    began = time.perf_counter()
    _edit(session, offset, "x", 0)
    session.sync(offset + 1, wanted=lambda layout: [len(layout) - 1])
    return time.perf_counter() - began


def _edit(session: Session, start: int, text: str, removed: int) -> None:
    edit = Edit(start, start + removed, text)
    after = session.snapshot.text.replace(edit)
    session.edit((Change(edit, after),), Snapshot("memory", session.snapshot.version + 1, after, ""))


def _quantile(seconds: list[float], share: float) -> float:
    return round(1000 * float(np.quantile(seconds, share)), 2)
