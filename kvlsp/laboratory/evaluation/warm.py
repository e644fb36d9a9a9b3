"""What a file that was open before costs to open: a real engine, whose rows come from disk, beside one that has none.

Four runs over one document: opened for the first time and left until it is exact and kept; opened again as it was;
opened again with hunks of a branch switch in it; and a plain prefill of that window, with which the logits of all are
compared. The clock counts the processor time of all threads, so that the disk's thread is in it and a busy machine is
not. The rows lie in a folder that is thrown away.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from kvlsp.cache.repair import repair
from kvlsp.cache.resident import ResidentCache
from kvlsp.config import Settings
from kvlsp.engine.completion import Phase
from kvlsp.engine.engine import Engine
from kvlsp.engine.session import Session
from kvlsp.laboratory.evaluation.gestures import first_tokens
from kvlsp.laboratory.evaluation.opened import Counting, uncut
from kvlsp.messages import CloseDocument, Complete, Event, OpenDocument, Shutdown
from kvlsp.opening.model import Model
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope

URI = "file:///warm.py"
Clock = Callable[[], float]


@dataclasses.dataclass(frozen=True, slots=True)
class Opened:
    """Seconds and rows to the first token's logits, those until all was exact, and the last row's logits then."""

    first: float
    first_rows: int
    whole: float
    whole_rows: int
    logits: torch.Tensor
    session: Session


def measure(model: Model, text: str, tokens: int, settings: Settings, *, hunks: int = 20,
            clock: Clock = time.process_time, say: Callable[[str], None] = lambda what: None) -> dict[str, Any]:
    """The figures; ``say`` hears which run is under way."""
    text = first_tokens(model, text, tokens)
    caret = text.index("\n", len(text) // 2)
    changed = switched(text, hunks, caret)
    shift = changed.index("\n", len(changed) // 2)
    settings = dataclasses.replace(uncut(settings), disk_mib=4096)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        say("opened for the first time")
        cold = _open(model, text, caret, settings, place, clock)
        nbytes = sum(path.stat().st_size for path in place.glob("*.rows"))
        say("opened again, unchanged")
        warm = _open(model, text, caret, settings, place, clock)
        say(f"opened again, with {hunks} hunks")
        switch = _open(model, changed, shift, settings, place, clock)
    say("a plain prefill")
    began = clock()
    prefill = _prefill(switch.session, shift)
    prefilled = clock() - began
    rows = len(cold.session.cache.rows)
    largest = float(prefill.abs().max())
    return {
        "tokens": len(cold.session.tokens.ids),
        "rows": rows,
        "prefill_s": round(prefilled, 3),
        "cold_first_s": round(cold.first, 3), "cold_first_rows": cold.first_rows,
        "cold_whole_s": round(cold.whole, 3), "cold_whole_rows": cold.whole_rows,
        "warm_first_s": round(warm.first, 3), "warm_first_rows": warm.first_rows, "warm_whole_rows": warm.whole_rows,
        "switch_first_s": round(switch.first, 3), "switch_first_rows": switch.first_rows,
        "switch_whole_s": round(switch.whole, 3), "switch_whole_rows": switch.whole_rows,
        "warm_share": round(warm.first / prefilled, 4),
        "switch_share": round(switch.first / prefilled, 4),
        "warm_share_of_first": round(warm.first / cold.first, 4),
        "switch_share_of_first": round(switch.first / cold.first, 4),
        "warm_apart": float((warm.logits - cold.logits).abs().max()) / largest,
        "switch_apart": float((switch.logits - prefill).abs().max()) / largest,
        "exact": all(one.session.cache.stale == 0 for one in (cold, warm, switch)),
        "file_bytes": nbytes,
        "bytes_per_1000_tokens": round(1000 * nbytes / rows) if rows else 0,
    }  # fmt: skip


def switched(text: str, hunks: int, caret: int) -> str:
    """``text`` with ``hunks`` lines, evenly spread, become two others each, as another branch may have it; the line of
    the ``caret`` stays."""
    lines = text.splitlines(keepends=True)
    mine = text.count("\n", 0, caret)
    for number in range(hunks):
        at = (2 * number + 1) * len(lines) // (2 * hunks)
        at += at == mine
        if at < len(lines):
            lines[at] = f"branch_{number} = merge(branch_{number}, {number})\nassert branch_{number} is not None\n"
    return "".join(lines)


def _open(model: Model, text: str, caret: int, settings: Settings, place: Path, clock: Clock) -> Opened:
    counting = Counting(model.decoder)
    arrived: list[Event] = []
    engine = Engine(settings, arrived.append, lambda *_: dataclasses.replace(model, decoder=counting), clock)
    engine.documents.shelving.folder = lambda: place
    engine.load()
    engine.turn(None)  # the model is there
    rope = Rope.of(text)
    began = clock()
    engine.post(OpenDocument(Snapshot(URI, 1, rope, "python")))
    engine.post(Complete(1, URI, 1, caret, "automatic", began))
    first: tuple[float, int] | None = None
    while (patience := engine.patience()) is not None and patience < 1:  # a copy that is due in minutes is not awaited
        engine.turn(patience)
        document = engine.documents.get(URI)
        job = document.job if document is not None else None
        if first is None and job is not None and job.phase is not Phase.PREPARING:
            first = clock() - began, counting.rows
    whole, whole_rows = clock() - began, counting.rows
    document = engine.documents.get(URI)
    if first is None or document is None or document.session is None:
        raise AssertionError("The engine came to rest without an answer.")
    session = document.session
    _, settled = session.sync(caret, wanted=lambda layout: [len(layout) - 1])
    if settled.logits is None:
        raise AssertionError("There are no logits.")
    logits = settled.logits[0].clone()
    engine.post(CloseDocument(URI))
    engine.post(Shutdown())
    while engine.turn(0):
        pass
    engine.documents.shelving.worker.finish(600)
    return Opened(*first, whole, whole_rows, logits, session)


def _prefill(session: Session, caret: int) -> torch.Tensor:
    layout = session.layout(caret)
    cache = ResidentCache(session.model.decoder, session.context)
    logits = repair(cache, layout, wanted=[len(layout) - 1]).logits
    assert logits is not None
    return logits[0]
