"""What the first second after opening costs: a real engine is handed a document and a request in its middle.

Measured until the first suggestion is there, and until the whole window is laid out and exact, beside a plain prefill
of the same window in the same run. *Rows* encoded of the document, over those of the window, are the figure without
noise: 1 would be a plain prefill. The engine's thread is this one, its clock is real, and it never waits for a rest.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from kvlsp.config import Settings
from kvlsp.engine.completion import Phase
from kvlsp.engine.engine import Engine
from kvlsp.engine.session import Session
from kvlsp.laboratory.evaluation.gestures import first_tokens
from kvlsp.laboratory.evaluation.oracle import prefill
from kvlsp.messages import Complete, Completed, Event, OpenDocument
from kvlsp.model.claimed import unpadded
from kvlsp.model.rows import DOCUMENT, RowBatch
from kvlsp.opening.model import Model
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope

URI = "file:///opened.py"

Clock = Callable[[], float]


def uncut(settings: Settings) -> Settings:
    """``settings`` under which an answer is as long as the model makes it, and rest begins at once."""
    return dataclasses.replace(settings, confidence=0.0, deadline_ms=60_000, idle_ms=0, cross_file="never",
                               full_prefill=False, disk_mib=0)


class Counting:
    """``decoder``, with its forwards over rows of the document counted; what is generated counts apart."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        self.forwards = self.rows = self.generated = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    def forward(self, document: Any, rows: RowBatch) -> Any:
        if rows.branch is DOCUMENT:
            self.forwards += 1
            self.rows += len(rows)
        else:
            self.generated += 1
        return self._decoder.forward(document, rows)


def measure(model: Model, texts: Sequence[str], settings: Settings, *, repeats: int = 3,
            clock: Clock = time.perf_counter, advance: Callable[[], None] = lambda: None) -> list[dict[str, Any]]:
    """A row per text: counts of its first run, medians of ``repeats`` for what is milliseconds or made from those.

    ``whole_ms`` is without the decoding of the suggestion. A prefill is timed in forwards of 256 rows (``prefill_ms``)
    and of as many as the engine's had on average, less what would be padded (``alike_ms``); ``whole_times`` is over the
    latter and tokenizing, ``whole_times_prefill`` over the former.
    """
    rows = []
    for text in texts:
        runs = []
        for _ in range(repeats):
            runs.append(_run(model, Rope.of(text), uncut(settings), clock))
            advance()
        rows.append({name: round(statistics.median(run[name] for run in runs), 3) if name in _TIMES else first
                     for name, first in runs[0].items()})
    return rows


def documents(model: Model, text: str, sizes: Sequence[int], characters: int) -> list[str]:
    """Documents of ``sizes`` tokens, and one of so many ``characters`` (0: none), cut from ``text`` repeated."""
    found = [first_tokens(model, text, size) for size in sizes]
    if characters:
        whole = text * -(-characters // len(text))
        found.append(whole[: whole.rfind("\n", 0, characters) + 1])
    return found


_TIMES = ("logits_ms", "answer_ms", "whole_ms", "tokenize_ms", "prefill_ms", "alike_ms", "whole_times",
          "whole_times_prefill")


def _run(model: Model, rope: Rope, settings: Settings, clock: Clock) -> dict[str, Any]:
    counting = Counting(model.decoder)
    answered: list[float] = []

    def heard(event: Event) -> None:
        if isinstance(event, Completed):
            answered.append(clock())

    engine = Engine(settings, heard, lambda *_: dataclasses.replace(model, decoder=counting), clock)
    engine.load()
    engine.turn(None)  # the model is there
    caret = rope.line_start(rope.line_count // 2 + 1) - 1  # the end of the line in the middle
    began = clock()
    engine.post(OpenDocument(Snapshot(URI, 1, rope, "python")))
    engine.post(Complete(1, URI, 1, caret, "automatic", began))
    first = None
    while (patience := engine.patience()) is not None and patience < 1:  # what tidies up later is not awaited
        engine.turn(patience)
        document = engine.documents.get(URI)
        job = document.job if document is not None else None
        if first is None and job is not None and job.phase is not Phase.PREPARING:
            first = clock(), counting.rows, counting.forwards
    whole = clock()
    session = engine.documents.session(document) if document is not None else None
    if first is None or session is None or not answered:
        raise AssertionError("The engine came to rest without an answer.")
    layout = session.layout(caret)
    chunk = unpadded(round(counting.rows / counting.forwards))
    figures = {
        "characters": len(rope),
        "document_tokens": len(session.tokens.ids),
        "window_rows": len(layout),
        "first_rows": first[1],
        "first_forwards": first[2],
        "answer_forwards": counting.generated,
        "logits_ms": _milliseconds(first[0] - began),
        "answer_ms": _milliseconds(answered[0] - began),
        "whole_ms": _milliseconds(whole - began - (answered[0] - first[0])),  # decoding lays nothing out
        "whole_rows": counting.rows,
        "whole_forwards": counting.forwards,
        "rows_times": round(counting.rows / len(layout), 3),
        "exact": session.cache.stale == 0 and len(session.cache.rows) == len(layout),
        "tokenize_ms": _timed(clock, lambda: model.tokenizer.encode(str(rope))),
        "prefill_ms": _prefill(session, layout, 256, clock),
        "alike_ms": _prefill(session, layout, chunk, clock),
    }
    plain, alike = (figures[name] + figures["tokenize_ms"] for name in ("prefill_ms", "alike_ms"))
    return {
        **figures,
        "whole_times": round(figures["whole_ms"] / max(alike, 1e-9), 3),
        "whole_times_prefill": round(figures["whole_ms"] / max(plain, 1e-9), 3),
    }


def _prefill(session: Session, layout: Any, chunk: int, clock: Clock) -> float:
    return _timed(clock, lambda: prefill(session, layout, wanted=[len(layout) - 1], chunk=chunk))


def _timed(clock: Clock, act: Callable[[], object]) -> float:
    began = clock()
    act()
    return _milliseconds(clock() - began)


def _milliseconds(seconds: float) -> float:
    return round(1000 * seconds, 1)
