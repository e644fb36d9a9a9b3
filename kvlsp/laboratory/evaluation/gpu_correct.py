"""Is a device right? Its steps against a CPU in float32, before anything is timed.

The same few layers of the real widths with the same weights run here and there through prefill, steps of every
bucket (as it is, captured, replayed), rows that hide slots, moved keys. It compares logits, relative to the largest.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch

from kvlsp.laboratory.evaluation.gpu_shapes import Shape, lean_decoder, random_model
from kvlsp.model.decoder import Decoder
from kvlsp.model.graphed import BUCKETS, GraphedForward
from kvlsp.model.loading import load
from kvlsp.model.rows import DOCUMENT, EVERY, Branch, RowBatch

TOLERANCE = {torch.float64: 1e-6, torch.float32: 2e-3, torch.bfloat16: 0.1, torch.float16: 0.03}
RESIDENT = 300
TIMES = 3  # as it is, captured, replayed
ROOM = RESIDENT + 2 * sum(BUCKETS) + 64


@torch.inference_mode()
def story(decoder: Decoder) -> dict[str, torch.Tensor]:
    """The same short life of a document on any decoder: logits (float64, on the CPU) by what was done."""
    generator = torch.Generator().manual_seed(3)
    ids = torch.randint(0, decoder.vocabulary_size, (ROOM,), generator=generator)
    slots = torch.randperm(ROOM, generator=generator)
    places = torch.arange(ROOM)
    document = decoder.allocate(ROOM)
    told: dict[str, torch.Tensor] = {}

    def forward(name: str, some: slice, branch: Any, at: torch.Tensor) -> None:
        logits = decoder.forward(document, RowBatch(ids[some], at, slots[some], EVERY, branch))
        told[name] = logits.double().cpu()

    start = RESIDENT
    forward("prefill", slice(0, start), DOCUMENT, places[:start])
    for bucket in BUCKETS:
        for rows in sorted({bucket, max(1, bucket - 1)}):
            some = slice(start, start + rows)
            for time in range(TIMES):
                forward(f"{rows} rows, run {time + 1}", some, Branch(1), places[some])
            document.release(slots[some])
    few = slice(start, start + 3)
    hiding = [Branch(1, slots[start - 5 : start]), Branch(2), Branch(3, slots[:2])]
    for time in range(TIMES):
        forward(f"hidden slots, run {time + 1}", few, hiding, torch.tensor([start - 5, start, start]))
    document.release(slots[few])
    moved = slice(100, start)
    decoder.move(document, slots[moved], places[moved] + 9)
    new = slice(start, start + 9)
    forward("insertion after a move", new, DOCUMENT, places[100:109])
    forward("the last row after a move", slice(start - 1, start), DOCUMENT, places[start - 1 : start] + 9)
    return told


def check(
    shape: Shape, device: torch.device, dtypes: tuple[torch.dtype, ...], options: dict[str, Any]
) -> dict[str, Any]:
    """Largest differences by precision and by what was done. ``options`` go to :class:`GraphedForward`."""
    precise = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        reference = torch.float64 if dtypes == (torch.float64,) else torch.float32
        model = random_model(shape, 2048, torch.device("cpu"), reference)
        copies = {dtype: copy.deepcopy(model).to(device, dtype) for dtype in dtypes}
        expected = story(lean_decoder(model, "cpu"))
        figures: dict[str, Any] = {"right": True}
        for dtype, one in copies.items():
            decoder = GraphedForward(lean_decoder(one, "device"), **options)
            apart = {name: _apart(found, expected[name]) for name, found in story(decoder).items()}
            worst = max(apart, key=lambda name: _worse(apart[name]))
            right = apart[worst] <= TOLERANCE[dtype]
            figures["right"] = figures["right"] and right
            figures[str(dtype).removeprefix("torch.")] = {
                "right": right, "allowed": TOLERANCE[dtype], "worst": worst, "difference": apart[worst],
                "prefill": apart["prefill"], "graphs_captured": decoder.graphs.captured,
                "graphs_replayed": decoder.graphs.replayed,
            }  # fmt: skip
    finally:
        torch.backends.cuda.matmul.allow_tf32 = precise
    return figures


def trained(folder: Path, device: torch.device) -> dict[str, Any]:
    """A trained model, loaded as the daemon loads it, on the device and on the processor, both in float32."""
    there, here = (load(folder, device=kind, dtype="float32").decoder for kind in (device.type, "cpu"))
    expected, found = story(here), story(there)
    apart = {name: _apart(logits, expected[name]) for name, logits in found.items()}
    worst = max(apart, key=lambda name: _worse(apart[name]))
    return {"right": apart[worst] <= TOLERANCE[torch.float32], "decoder": type(there).__name__, "worst": worst,
            "difference": apart[worst]}


def _apart(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def _worse(difference: float) -> float:
    return float("inf") if difference != difference else difference
