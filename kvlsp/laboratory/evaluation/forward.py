"""How fast a forward is: kvlsp's decoder beside stock transformers (DynamicCache, sdpa) in one run.

Both read the same weights in the same precision, with the same resident tokens; runs alternate, so that
whatever else the machine does hits both. The ratios are the figures, the milliseconds are of the machine.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from kvlsp.model.decoder import Decoder
from kvlsp.model.loading import load
from kvlsp.model.rows import EVERY, NONE, RowBatch

PREFILL = 512  # rows of one forward while the context is filled


def measure(
    model: str | Path,
    context: int = 2048,
    rows: Sequence[int] = (1, 8),
    device: str = "auto",
    dtype: str = "auto",
    repeats: int = 30,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """Milliseconds (median) of forwards of so many rows over ``context`` resident tokens, logits of every
    row.

    ``stock`` is transformers alone, ``transformers`` the generic decoder of kvlsp, ``kvlsp`` the one that
    loading chose. Raises what :func:`kvlsp.model.loading.load` raises.
    """
    chosen = load(model, device, dtype)
    generic = load(model, device, dtype, lean=False)
    decoder = chosen.decoder
    ids = torch.randint(
        0, decoder.vocabulary_size, (context + max(rows),), generator=torch.Generator().manual_seed(0)
    ).to(decoder.device)
    stock = _stock(chosen.folder, decoder, ids, context)
    steps = {"transformers": _step(generic.decoder, ids, context), "kvlsp": _step(decoder, ids, context)}
    figures: dict[str, Any] = {
        "model": chosen.description,
        "context": context,
        "threads": torch.get_num_threads(),
        "dtype": str(decoder.dtype).removeprefix("torch."),
        "rows": {},
    }
    for count in rows:
        runs: dict[str, Callable[[int], torch.Tensor]] = {"stock": stock, **steps}
        logits = {name: run(count) for name, run in runs.items()}
        times: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(repeats):
            for name, run in runs.items():
                times[name].append(_timed(run, count, decoder.device, clock))
        figures["rows"][str(count)] = _compared(times, logits)
    return figures


def _compared(times: dict[str, list[float]], logits: dict[str, torch.Tensor]) -> dict[str, Any]:
    medians = {name: statistics.median(some) for name, some in times.items()}
    largest = float(logits["stock"].abs().max())
    return {
        **{f"{name}_ms": round(value, 3) for name, value in medians.items()},
        "ratio": round(medians["stock"] / medians["kvlsp"], 2),
        "ratio_of_fastest": round(min(times["stock"]) / min(times["kvlsp"]), 2),
        "largest_difference": float((logits["stock"] - logits["kvlsp"]).abs().max()) / largest,
    }


def _timed(
    run: Callable[[int], torch.Tensor], count: int, device: torch.device, clock: Callable[[], float]
) -> float:
    begin = clock()
    run(count)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return (clock() - begin) * 1e3


def _step(decoder: Decoder, ids: torch.Tensor, context: int) -> Callable[[int], torch.Tensor]:
    """A forward of the rows after a filled context; the rows are released again."""
    places = torch.arange(ids.shape[0], device=decoder.device)
    document = decoder.allocate(ids.shape[0])
    for a in range(0, context, PREFILL):
        some = places[a : min(context, a + PREFILL)]
        decoder.forward(document, RowBatch(ids[some], some, some, NONE))

    def run(count: int) -> torch.Tensor:
        some = places[context : context + count]
        logits = decoder.forward(document, RowBatch(ids[some], some, some, EVERY))
        document.release(some)
        return logits

    return run


def _stock(folder: Path, decoder: Decoder, ids: torch.Tensor, context: int) -> Callable[[int], torch.Tensor]:
    """The same through transformers alone, as its own generation does it."""
    from transformers import AutoModelForCausalLM, DynamicCache

    model: Any = AutoModelForCausalLM.from_pretrained(
        folder, dtype=decoder.dtype, attn_implementation="sdpa", local_files_only=True, use_safetensors=True
    )
    model = model.to(decoder.device).eval()
    cache = DynamicCache()
    with torch.inference_mode():
        for a in range(0, context, PREFILL):
            some = ids[None, a : min(context, a + PREFILL)]
            model(input_ids=some, past_key_values=cache, use_cache=True, logits_to_keep=1)

    def run(count: int) -> torch.Tensor:
        with torch.inference_mode():
            some = ids[None, context : context + count]
            logits: torch.Tensor = model(input_ids=some, past_key_values=cache, use_cache=True).logits[0]
            cache.crop(-count)
        return logits

    return run
