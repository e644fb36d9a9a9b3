"""What llama.cpp takes for kvlsp's forwards, by the bits of the weights: a checkpoint made into GGUF files.

Through kvlsp's own decoder, so that the figures hold for what an editor gets. Seconds are of the processor: with one
thread those of one core, whatever else the machine does.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from kvlsp.gguf.decoder import LlamaDecoder
from kvlsp.gguf.facts import facts
from kvlsp.gguf.metadata import read
from kvlsp.laboratory.training.to_gguf import convert
from kvlsp.model.rows import LAST, NONE, RowBatch

CHUNK = 256


def measure(checkpoint: Path, kinds: Sequence[str], pre: str, *, context: int = 2000, repeats: int = 5,
            say: Callable[[str], None] = lambda what: None) -> list[dict[str, Any]]:
    """Per kind of weights: megabytes of the file, seconds (the best of ``repeats``) of ``context`` tokens prefilled,
    of a token behind them, six rows there, and six rows put in the middle with all behind moved and a token read."""
    from kvlsp.gguf.api import LlamaModel

    found = []
    with tempfile.TemporaryDirectory(prefix="kvlsp-llama-") as folder:
        for kind in kinds:
            say(f"making {kind}")
            path = convert(checkpoint, Path(folder) / f"{kind}.gguf", kind, pre)
            said = facts(read(path), path)
            model = LlamaModel(path)
            say(f"measuring {kind}")
            decoder = LlamaDecoder(model, kind, said.context_length, said.numbers)
            figures = forwards(decoder, context, repeats)
            found.append({"weights": kind, "file_mb": round(path.stat().st_size / 1e6), **figures})
            del decoder, model
            path.unlink()
    return found


def forwards(decoder: LlamaDecoder, context: int, repeats: int) -> dict[str, float]:
    """Seconds of the processor."""
    ids = torch.randint(0, decoder.vocabulary_size, (context + 64,), generator=torch.Generator().manual_seed(0))
    rows = torch.arange(context + 64)
    document = decoder.allocate(context + 64)

    def encode(first: int, end: int, slots: torch.Tensor | None = None, *, reads: bool = True) -> None:
        there = rows[first:end] if slots is None else slots
        decoder.forward(document, RowBatch(ids[first:end], rows[first:end], there, LAST if reads else NONE))

    def prefill() -> None:
        document.clear()
        for first in range(0, context, CHUNK):
            encode(first, min(context, first + CHUNK), reads=False)

    def behind(count: int) -> None:
        encode(context, context + count)
        document.release(rows[context : context + count])

    def edit() -> None:
        """Six rows go in at the middle, the last is read; then all is as it was."""
        middle = context // 2
        tail = rows[middle:context]
        decoder.move(document, tail, tail + 6)
        encode(middle, middle + 6, rows[context : context + 6], reads=False)
        encode(context + 5, context + 6, rows[context - 1 : context])
        document.release(rows[context : context + 6])
        decoder.move(document, tail, tail)

    figures = {"prefill": _best(prefill, 1), "token": _best(lambda: behind(1), repeats),
               "six_rows": _best(lambda: behind(6), repeats), "edit_in_the_middle": _best(edit, repeats)}  # fmt: skip
    return {name: round(seconds, 4) for name, seconds in figures.items()}


def _best(work: Callable[[], None], repeats: int) -> float:
    took = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return min(took)
