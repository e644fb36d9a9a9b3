"""``kvlsp bench gpu``: models of real size on a GPU, right first and then timed, beside measured ceilings.

Runs from a plain checkout where only torch, transformers and numpy are installed::

    python -m kvlsp.laboratory.evaluation.gpu_bench --output gpu.json

Without a GPU it says so and ends well; ``--dry-run`` then runs every step with tiny shapes on the CPU, whose
milliseconds mean nothing.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from kvlsp.laboratory.evaluation import gpu_correct, gpu_decode, gpu_edits, gpu_forward
from kvlsp.laboratory.evaluation.gpu_shapes import SHAPES, Shape, lean_decoder, narrow, random_model, tiny
from kvlsp.laboratory.evaluation.gpu_timing import Ceilings, Stopwatch, measure_ceilings
from kvlsp.model.graphed import GraphedForward, ways

NO_GPU = "no GPU: torch finds no CUDA device here. --dry-run runs every step with tiny shapes on the CPU."


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured: contexts and rows of forwards, context of edits and decoding, tokens decoded."""

    models: tuple[str, ...] = tuple(SHAPES)
    contexts: tuple[int, ...] = (2048, 8192, 32768)
    rows: tuple[int, ...] = (1, 4, 8, 32, 64, 128, 256, 512)
    editing: tuple[int, ...] = (8192, 2048, 32768)
    tokens: int = 96
    repeats: int = 20
    copied: int = 2 << 30
    product: int = 8192

    @property
    def reach(self) -> int:
        """Positions that a model must have."""
        return max(*self.contexts, *self.editing) + max(*self.rows, self.tokens + 64) + 64


TINY = Extent(contexts=(48, 300), rows=(1, 3, 8, 40), editing=(300,), tokens=40, repeats=3, copied=1 << 20, product=64)


def measure(extent: Extent, dry_run: bool = False, output: Path | None = None) -> dict[str, Any]:
    """All figures; ``{"gpu": None}`` where there is none. ``output`` is rewritten after every model."""
    if not dry_run and not torch.cuda.is_available():
        return {"gpu": None}
    device = torch.device("cpu" if dry_run else "cuda")
    dtype = torch.float32 if dry_run else torch.bfloat16
    watch = Stopwatch(device, extent.repeats)
    ceilings = measure_ceilings(watch, dtype, extent.copied, extent.product)
    figures: dict[str, Any] = {
        "gpu": None if dry_run else torch.cuda.get_device_name(), "dry_run": dry_run, "torch": torch.__version__,
        "dtype": str(dtype).removeprefix("torch."),
        "copy_gb_per_s": round(ceilings.bandwidth / 1e9, 1), "product_tflop_per_s": round(ceilings.products / 1e12, 2),
        "models": {},
    }  # fmt: skip
    for name in extent.models:
        shape = tiny(SHAPES[name]) if dry_run else SHAPES[name]
        figures["models"][name] = _model(name, shape, extent, watch, ceilings, dtype)
        if output is not None:
            output.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        gc.collect()
        if not dry_run:
            torch.cuda.empty_cache()
    return figures


def _model(
    name: str, shape: Shape, extent: Extent, watch: Stopwatch, ceilings: Ceilings, dtype: torch.dtype
) -> dict[str, Any]:
    device = watch.device
    figures: dict[str, Any] = {"parameters": shape.parameters}
    needed = shape.parameters * dtype.itemsize * 1.3 + 8e9
    if device.type == "cuda" and torch.cuda.mem_get_info()[0] < needed:
        return {**figures, "skipped": f"it needs about {needed / 1e9:.0f} GB of free device memory"}
    dtypes = (torch.float32,) if device.type == "cpu" else (torch.float32, dtype)
    figures["correctness"] = {}
    lean = lean_decoder(random_model(shape, extent.reach, device, dtype), name)
    for way, options in ways(lean):
        figures["correctness"][way] = _checked(shape, device, dtypes, options)
        if figures["correctness"][way]["right"]:
            break
    else:
        return figures  # times of wrong answers are worth nothing
    figures["steps_by"] = way
    decoder = GraphedForward(lean, **options)
    figures["never_waits"] = gpu_forward.never_waits(decoder, extent.contexts[0])
    figures["forwards"] = gpu_forward.forwards(decoder, extent.contexts, extent.rows, watch, ceilings)
    figures["decoding"] = [
        gpu_decode.decoding(decoder, context, extent.tokens, watch, ceilings) for context in extent.editing
    ]
    figures["editing"] = [
        gpu_edits.edits(decoder, decoded["context"], watch, ceilings, decoded["ms_per_step"])
        for decoded in figures["decoding"]
    ]
    figures["moves"] = gpu_edits.moves(decoder, extent.contexts, watch, ceilings)
    figures["parking"] = gpu_edits.parking(decoder, extent.contexts, watch)
    figures["attention"] = gpu_forward.attentions(decoder, extent.contexts, extent.rows, watch, ceilings)
    figures["graphs"] = {"captured": decoder.graphs.captured, "replayed": decoder.graphs.replayed,
                         "on": decoder.graphs.capturing}  # fmt: skip
    return figures


def _checked(
    shape: Shape, device: torch.device, dtypes: tuple[torch.dtype, ...], options: dict[str, Any]
) -> dict[str, Any]:
    try:
        return gpu_correct.check(narrow(shape), device, dtypes, options)
    except Exception as error:  # a kernel that does not compile here: the other ways are measured nevertheless
        return {"right": False, "error": f"{type(error).__name__}: {str(error)[:500]}"}


def right(figures: dict[str, Any]) -> bool:
    """Whether every way of every model that was tried gave the logits of a CPU."""
    tried = [one.get("correctness", {}) for one in figures.get("models", {}).values()]
    return all(way["right"] for ways_tried in tried for way in ways_tried.values())


def text(figures: dict[str, Any]) -> str:
    """The figures as tables for people."""
    if "models" not in figures:
        return NO_GPU
    where = "dry run on the CPU, milliseconds mean nothing" if figures["dry_run"] else figures["gpu"]
    lines = [f"{where}; torch {figures['torch']}, {figures['dtype']}",
             f"copy {figures['copy_gb_per_s']} GB/s, products {figures['product_tflop_per_s']} TFLOP/s"]  # fmt: skip
    for name, model in figures["models"].items():
        lines += ["", f"== {name}: {model['parameters'] / 1e6:,.0f}M parameters"]
        for key, value in model.items():
            lines += _section(key, value)
    return "\n".join(lines)


def _section(key: str, value: Any) -> list[str]:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        inner = [name for name, one in value[0].items() if isinstance(one, list)]
        if not inner:
            return [f"-- {key}", *_table(value)]
        lines = []
        for one in value:
            flat = {name: it for name, it in one.items() if name not in inner}
            lines += [f"-- {key}: " + ", ".join(f"{name} {it}" for name, it in flat.items())]
            lines += [line for name in inner for line in _section(f"{key}, {name}", one[name])]
        return lines
    return [] if key == "parameters" else [f"-- {key}: {value}"]


def _table(rows: list[dict[str, Any]]) -> list[str]:
    cells = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]


def _numbers(given: str) -> tuple[int, ...]:
    return tuple(int(part) for part in given.split(","))


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; 0 also where there is no GPU, 1 where a model gave wrong logits."""
    parser = argparse.ArgumentParser(prog="python -m kvlsp.laboratory.evaluation.gpu_bench",
                                     description=__doc__.splitlines()[0])
    full = Extent()
    parser.add_argument("--models", default=",".join(full.models), help="names, separated by commas")
    parser.add_argument("--contexts", type=_numbers, help="resident tokens of forwards")
    parser.add_argument("--rows", type=_numbers, help="rows of forwards")
    parser.add_argument("--editing", type=_numbers, help="document sizes of edits, prefill and decoding")
    parser.add_argument("--repeats", type=int, help="runs of which the median is taken")
    parser.add_argument("--dry-run", action="store_true", help="tiny shapes on the CPU")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--output", type=Path, help="write JSON to this file as well, after every model")
    given = parser.parse_args(arguments)
    models = tuple(given.models.split(","))
    unknown = set(models) - set(SHAPES)
    if unknown:
        parser.error(f"no such model: {', '.join(sorted(unknown))}; there are {', '.join(SHAPES)}")
    figures = measure(chosen(given.dry_run, models, given.contexts, given.rows, given.editing, given.repeats),
                      given.dry_run, given.output)  # fmt: skip
    if given.output is not None:
        given.output.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1) if given.json else text(figures))
    return 0 if right(figures) else 1


def chosen(
    dry_run: bool, models: tuple[str, ...], contexts: tuple[int, ...] | None = None,
    rows: tuple[int, ...] | None = None, editing: tuple[int, ...] | None = None, repeats: int | None = None,
) -> Extent:
    """The full extent, or the tiny one, with what is given in its place."""
    base = TINY if dry_run else Extent()
    return Extent(models, contexts or base.contexts, rows or base.rows, editing or base.editing, base.tokens,
                  repeats or base.repeats, base.copied, base.product)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
