"""What it costs to have other files stand before a document, from the decision to the logits of the next completion.

Every case starts from a document that is resident and exact, and is compared with a full prefill of the layout that it
ends with. Milliseconds are medians of one run and good for ratios only.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable
from typing import Any

import torch

from kvlsp.cache.repair import Repaired
from kvlsp.cache.worth import worthiest
from kvlsp.engine.pace import Pace
from kvlsp.engine.placing import Placing
from kvlsp.engine.session import Session
from kvlsp.laboratory.evaluation.gestures import first_tokens
from kvlsp.laboratory.evaluation.oracle import prefill
from kvlsp.messages import ContextChunk, PlaceContext
from kvlsp.opening.model import Model
from kvlsp.prompt.layout import Layout
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope

_URI = "file:///placing.py"
_PIECES = 4
_EVERYTHING = 1 << 20


def measure(model: Model, text: str, others: str, *, document: int = 1000, context: int = 1500, budget: int = 64,
            repeats: int = 5) -> dict[str, Any]:
    """Rows and milliseconds of every case: a document of about ``document`` tokens of ``text`` and four pieces of
    ``others``, together about ``context`` tokens; ``budget`` stale rows are repaired where a case says so."""
    rope = Rope.of(first_tokens(model, text, document))
    chunks = pieces(model, others, context)
    changed = (*chunks[:-1], ContextChunk("changed.py", chunks[-1].text + "pass\n"))
    placing = Placing(time.perf_counter)
    began = time.perf_counter()
    _bring(placing, _exact(model, rope), asking((*chunks, changed[-1])))
    encoding = time.perf_counter() - began
    cases: tuple[tuple[str, tuple[ContextChunk, ...], tuple[ContextChunk, ...], str, int], ...] = (
        ("place all pieces", (), chunks, "", 0),
        (f"place all pieces, repair {budget} rows", (), chunks, "", budget),
        ("replace the last piece", chunks, changed, "", 0),
        ("replace the first piece", (changed[-1], *chunks[1:]), chunks, "", 0),
        ("take all pieces away", chunks, (), "", 0),
        ("type a character behind pieces", chunks, chunks, "x", 0),
    )
    rows = []
    for name, before, after, typed, repaired in cases:
        runs = [_run(model, rope, placing, before, after, typed, repaired) for _ in range(repeats)]
        took, full = (statistics.median(run[key] for run in runs) for key in ("ms", "prefill_ms"))
        rows.append({"case": name, **runs[-1], "ms": round(took, 2), "prefill_ms": round(full, 2),
                     "ratio": round(full / took, 1)})
    return {
        "model": model.description,
        "document_tokens": len(model.tokenizer.encode(str(rope)).ids),
        "context_tokens": rows[0]["copied"],
        "first_encoding_ms": round(1000 * encoding, 1),
        "chunk_bytes": placing.store.nbytes,
        "cases": rows,
    }


def pieces(model: Model, text: str, tokens: int) -> tuple[ContextChunk, ...]:
    """Four pieces of whole lines of ``text``, together about ``tokens`` tokens."""
    head = first_tokens(model, text, tokens).splitlines(keepends=True)
    size = -(-len(head) // _PIECES)
    return tuple(
        ContextChunk(f"other_{number}.py", "".join(head[number * size : (number + 1) * size]))
        for number in range(_PIECES)
    )


def asking(chunks: Iterable[ContextChunk]) -> PlaceContext:
    return PlaceContext(_URI, tuple(chunks), "workspace", "placing.py")


def _run(model: Model, rope: Rope, placing: Placing, before: tuple[ContextChunk, ...],
         after: tuple[ContextChunk, ...], typed: str, repaired: int) -> dict[str, Any]:
    session = _exact(model, rope)
    caret = len(rope) // 2
    if before:
        _bring(placing, session, asking(before))
        _settle(session, caret)
        while session.refresh(256):
            pass
    choose = worthiest(repaired) if repaired else None
    _wait(model)
    began = time.perf_counter()
    if typed:
        text = rope.replace(Edit(caret, caret, typed))
        session.edit((Change(Edit(caret, caret, typed), text),), Snapshot(_URI, 1, text, "python"))
        caret += len(typed)
    else:
        placing.advance(session, asking(after), _EVERYTHING, Pace(time.perf_counter, 1.0))
    layout, settled = session.sync(caret, wanted=_last, choose=choose)
    _wait(model)
    took = time.perf_counter() - began
    began = time.perf_counter()
    prefill(session, layout, wanted=_last(layout))
    _wait(model)
    full = time.perf_counter() - began
    return {"copied": settled.copied, "encoded": settled.encoded, "repaired": settled.repaired,
            "moved": settled.moved, "ms": 1000 * took, "prefill_ms": 1000 * full}


def _exact(model: Model, rope: Rope) -> Session:
    session = Session(model, Snapshot(_URI, 0, rope, "python"), context=model.decoder.context_length,
                      generation_rows=160)
    _settle(session, len(rope) // 2)
    return session


def _settle(session: Session, caret: int) -> Repaired:
    return session.sync(caret, wanted=_last)[1]


def _bring(placing: Placing, session: Session, asked: PlaceContext) -> None:
    pace = Pace(time.perf_counter, 1.0, least=256)
    while not placing.advance(session, asked, _EVERYTHING, pace):
        pass


def _last(layout: Layout) -> list[int]:
    return [len(layout) - 1]


def _wait(model: Model) -> None:
    if model.decoder.device.type == "cuda":
        torch.cuda.synchronize(model.decoder.device)
