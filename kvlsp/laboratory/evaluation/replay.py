"""Drive the engine's sessions with a recorded editing session, and check and count what happens.

Every transaction is followed by the layout at its last patch's end, as a completion there would need it (the logits
of its last row included). Beside it stands what exact-prefix reuse would have encoded for the same layouts.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kvlsp.cache.plan import common_head
from kvlsp.engine.session import Session
from kvlsp.errors import TraceError
from kvlsp.laboratory.evaluation.oracle import key_errors, prefill, published_mismatches, token_mismatches
from kvlsp.laboratory.evaluation.trace import Trace, play
from kvlsp.opening.model import Model
from kvlsp.prompt.layout import Layout, lay_out
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope
from kvlsp.tokens.published import Published

_PREFILL_SAMPLES = 10


@dataclass(slots=True)
class Measured:
    """One list per figure, an entry per transaction (prefill_ms: per sample)."""

    encoded: list[int] = field(default_factory=list)
    slid: list[int] = field(default_factory=list)
    reuse: dict[str, list[int]] = field(
        default_factory=lambda: {"document_order": [], "prefix_first": [], "suffix_first": []}
    )
    repair_ms: list[float] = field(default_factory=list)
    prefill_ms: list[float] = field(default_factory=list)
    text_mismatches: int = 0
    token_mismatches: int = 0
    published_mismatches: int | None = None
    key_error: float = 0.0
    one_rotation: float = 0.0


class Reuse:
    """What a server that reuses the longest common prefix of two prompts would encode, in three orders."""

    def __init__(self) -> None:
        self._last: dict[str, np.ndarray[Any, np.dtype[np.int32]]] = {}

    def count(self, session: Session, caret: int) -> dict[str, int]:
        prefix, suffix = session.sides(caret)
        whole = np.concatenate([session.tokens.ids[start:end] for start, end in session.window.spans])
        prompts = {"document_order": whole}
        for order in ("prefix_first", "suffix_first"):
            template = dataclasses.replace(session.model.template, order=order)
            prompts[order] = lay_out(template, prefix, suffix).ids
        counts = {}
        for order, prompt in prompts.items():
            last = self._last.get(order, prompt[:0])
            counts[order] = max(1, len(prompt) - common_head(last, prompt))
            self._last[order] = prompt
        return counts


def replay(model: Model, trace: Trace, *, start: int = 0, edits: int | None = None, check_every: int = 50,
           context: int | None = None, reserve: int = 160,
           track: Callable[[Sequence[int]], Iterable[int]] = lambda steps: steps) -> dict[str, Any]:
    """Replay transactions [start, start + edits) and return the figures that ``kvlsp replay --json`` prints.

    The text before ``start`` is made by applying the earlier transactions to plain text. ``track`` wraps the loop
    for a progress bar. Raises :class:`TraceError` when the range lies outside the trace.
    """
    total = len(trace.transactions)
    if not 0 <= start < total:
        raise TraceError(f"The recording has {total} transactions, so it cannot start at --start {start}.")
    count = total - start if edits is None else min(edits, total - start)
    plain = trace.start
    for transaction in trace.transactions[:start]:
        for edit in transaction:
            plain = plain[: edit.start] + edit.text + plain[edit.end :]

    snapshot = Snapshot(uri=trace.name, version=0, text=Rope.of(plain), language="")
    session = Session(model, snapshot, context=context or model.decoder.context_length, generation_rows=reserve)
    session.sync(session.caret)
    measured, reuse = Measured(), Reuse()
    published = model.tokenizer.published()
    if published is not None:
        measured.published_mismatches = 0
    sample_every = max(1, count // _PREFILL_SAMPLES)
    for number in track(range(count)):
        transaction = trace.transactions[start + number]
        if not transaction:
            continue
        for edit in transaction:
            plain = plain[: edit.start] + edit.text + plain[edit.end :]
        caret = transaction[-1].start + len(transaction[-1].text)
        if number == 0:
            session.sync(caret, slide=True)
            reuse.count(session, caret)
        _transact(session, play(session.snapshot.text, transaction), caret, measured)
        for order, tokens in reuse.count(session, caret).items():
            measured.reuse[order].append(tokens)
        if (number + 1) % check_every == 0 or number == count - 1:
            _check(session, caret, plain, measured, published)
        if number % sample_every == 0:
            layout = session.layout(caret)
            began = time.perf_counter()
            prefill(session, layout, wanted=[len(layout) - 1])
            measured.prefill_ms.append(1000 * (time.perf_counter() - began))
    return _figures(session, measured)


def _transact(session: Session, changes: tuple[Any, ...], caret: int, measured: Measured) -> None:
    after = Snapshot(session.snapshot.uri, session.snapshot.version + 1, changes[-1].after, "")
    slid = session.totals.slid
    began = time.perf_counter()
    session.edit(changes, after)
    _, settled = session.sync(caret, wanted=_last)
    took = 1000 * (time.perf_counter() - began)
    if session.totals.slid == slid:  # no jump out of the window
        measured.encoded.append(settled.encoded + settled.repaired)
        measured.repair_ms.append(took)
    session.sync(caret, slide=True)  # the idle moment behind every transaction
    measured.slid.append(session.totals.slid - slid)


def _last(layout: Layout) -> list[int]:
    return [len(layout) - 1]


def _check(session: Session, caret: int, plain: str, measured: Measured, published: Published | None) -> None:
    measured.text_mismatches += int(str(session.snapshot.text) != plain)
    measured.token_mismatches += token_mismatches(session, caret)
    if published is not None and measured.published_mismatches is not None:
        measured.published_mismatches += published_mismatches(session.tokens, plain, published)
    session.cache.check_integrity()
    kept, fresh = key_errors(session.cache)
    measured.key_error = max(measured.key_error, kept)
    measured.one_rotation = max(measured.one_rotation, fresh)


def _figures(session: Session, measured: Measured) -> dict[str, Any]:
    return {
        "edits": len(measured.slid),
        "document_tokens": len(session.tokens.ids),
        "window_tokens": len(session.window),
        "text_mismatches": measured.text_mismatches,
        "token_mismatches": measured.token_mismatches,
        "published_mismatches": measured.published_mismatches,
        "encoded_tokens": _spread(measured.encoded),
        "slide_tokens": {"mean": _mean(measured.slid), "total": sum(measured.slid)},
        "prefix_reuse_tokens": {
            order: {"mean": _mean(counts), "p50": _quantile(counts, 0.5)}
            for order, counts in measured.reuse.items()
        },
        "repair_ms": _halves(measured.repair_ms),
        "prefill_ms": _halves(measured.prefill_ms),
        "max_key_error": measured.key_error,
        "one_rotation_key_error": measured.one_rotation,
    }


def _mean(values: list[int]) -> float:
    return round(statistics.fmean(values), 3) if values else 0.0


def _quantile(values: list[int] | list[float], share: float) -> float:
    return round(float(np.quantile(values, share)), 3) if values else 0.0


def _spread(values: list[int]) -> dict[str, float]:
    return {
        "mean": _mean(values), "p50": _quantile(values, 0.5), "p90": _quantile(values, 0.9),
        "p99": _quantile(values, 0.99), "max": float(max(values, default=0)),
    }


def _halves(values: list[float]) -> dict[str, float]:
    return {"p50": _quantile(values, 0.5), "p90": _quantile(values, 0.9)}
