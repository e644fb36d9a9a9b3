"""All that a GPU has to show, the most telling first: ``python -m tests.gpu.run --out FOLDER [--dry-run]``.

Needs torch, transformers, triton, numpy, hypothesis, pytest and tree-sitter with its grammars, nothing else. Right
first, in processes side by side, then figures, one model after the other; FOLDER/gpu.json is rewritten after every
step, so that a run that is cut off leaves what it had. ``--dry-run`` goes the same way with tiny shapes on the CPU.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import json
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from kvlsp import default_model
from kvlsp.config import Settings
from kvlsp.laboratory.evaluation import gpu_bench, gpu_correct, gpu_edits, gpu_forward, gpu_rows
from kvlsp.laboratory.evaluation.gpu_beside import beside
from kvlsp.laboratory.evaluation.gpu_decode import decoding
from kvlsp.laboratory.evaluation.gpu_engine import suggestions
from kvlsp.laboratory.evaluation.gpu_shapes import SHAPES, Shape, lean_decoder, narrow, random_model, tiny
from kvlsp.laboratory.evaluation.gpu_timing import Ceilings, Stopwatch, measure_ceilings
from kvlsp.laboratory.evaluation.opened import uncut
from kvlsp.model.graphed import GraphedForward, ways
from kvlsp.opening.model import open_model
from kvlsp.opening.repair_budget import measure

ROOT = Path(__file__).parents[2]
LINE = "        return self.options.get(item.name, default).value or result\n"
STEPS = ("correct", "1.5b", "engine", "0.5b", "7b", "beside")
TESTS = ("tests/model/test_fused.py", "tests/model/test_graphed.py")


class Run:
    """The steps; each adds to ``figures`` and may fail without ending the others."""

    def __init__(self, out: Path, dry_run: bool, seconds: float, seconds_for_tiles: float) -> None:
        self.out, self.dry = out, dry_run
        self.seconds_for_tiles = seconds_for_tiles
        self.until = time.monotonic() + seconds
        self.device = torch.device("cpu" if dry_run else "cuda")
        self.dtype = torch.float32 if dry_run else torch.bfloat16
        self.figures: dict[str, Any] = {"gpu": "dry run" if dry_run else torch.cuda.get_device_name(),
                                        "torch": torch.__version__}
        self.watch = Stopwatch(self.device, 3 if dry_run else 20)
        self.extent = dataclasses.replace(gpu_bench.TINY, editing=(300,)) if dry_run else gpu_bench.Extent()
        self._ceilings: Ceilings | None = None
        self._decoders: dict[str, GraphedForward] = {}

    def step(self, name: str, run: Callable[[], Any]) -> None:
        """One figure by its name; what fails is told and passed over."""
        if time.monotonic() > self.until:
            print(f"{name}: no time left", flush=True)
            return
        began = time.monotonic()
        try:
            found = run()
        except Exception as error:
            traceback.print_exc()
            found = {"error": f"{type(error).__name__}: {str(error)[:400]}"}
        self.figures[name] = found
        (self.out / "gpu.json").write_text(json.dumps(self.figures, indent=1) + "\n", encoding="utf-8")
        print(f"== {name} ({time.monotonic() - began:.1f} s)\n{_shown(found)}", flush=True)

    def ceilings(self) -> Ceilings:
        if self._ceilings is None:
            self._ceilings = measure_ceilings(self.watch, self.dtype, self.extent.copied, self.extent.product)
        return self._ceilings

    def decoder(self, name: str) -> GraphedForward:
        """A model of a real shape by the first way that runs; one at a time is kept."""
        if name not in self._decoders:
            self._decoders.clear()
            gc.collect()
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            shape = tiny(SHAPES[name]) if self.dry else SHAPES[name]
            shape = dataclasses.replace(shape, vocabulary=max(shape.vocabulary, 9000))
            reach = 4096 if self.dry else self.extent.reach
            lean = lean_decoder(random_model(shape, reach, self.device, self.dtype), name)
            self._decoders[name] = GraphedForward(lean, **ways(lean)[0][1])
        return self._decoders[name]

    def correct(self) -> None:
        others = [subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
                  for command in (("pytest", "-q", "-p", "no:cacheprovider", "--timeout=120", *TESTS),
                                  ("tests.gpu.state_machine", "3" if self.dry else "200"))]  # fmt: skip
        shape = self.first_way(all_of_them=True)
        one = dataclasses.replace(shape, layers=1)
        self.step("right: one layer in float64", lambda: gpu_correct.check(one, self.device, (torch.float64,), {}))
        self.step("right: the default model", lambda: gpu_correct.trained(default_model.folder(), self.device))
        for label, process in zip(("tests", "state machine"), others, strict=True):
            self.step(f"right: {label}", lambda process=process: _ended(process))

    def first_way(self, all_of_them: bool = False) -> Shape:
        """Every way in which a step can be computed, or the quickest: against a processor."""
        name = "qwen2.5-coder-1.5b"
        shape = tiny(SHAPES[name]) if self.dry else narrow(SHAPES[name])
        found = ways(lean_decoder(random_model(shape, 512, self.device, torch.float32), name))
        kinds = (torch.float32,) if self.dry else (torch.float32, torch.bfloat16)
        for way, options in found if all_of_them else found[:1]:
            self.step(f"right: {way}", lambda options=options: gpu_correct.check(shape, self.device, kinds, options))
        return shape

    def tiles(self) -> None:
        decoder = self.decoder("qwen2.5-coder-1.5b")
        self.step("tiles of a row",
                  lambda: gpu_rows.tiles(decoder, self.watch, self.ceilings(), self.seconds_for_tiles, time.monotonic))

    def figures_of(self, name: str, extent: gpu_bench.Extent) -> None:
        watch, ceilings = self.watch, self.ceilings()
        self.figures["copy_gb_per_s"] = round(ceilings.bandwidth / 1e9, 1)
        self.figures["product_tflop_per_s"] = round(ceilings.products / 1e12, 2)
        decoder = self.decoder(name)
        short = name.rpartition("-")[2]
        self.step(f"{short}: forwards",
                  lambda: gpu_forward.forwards(decoder, extent.contexts, extent.rows, watch, ceilings))
        steps: dict[int, float] = {}

        def decoded(context: int) -> Any:
            found = decoding(decoder, context, extent.tokens, watch, ceilings)
            steps[context] = found["ms_per_step"]
            return found

        for context in extent.editing:
            self.step(f"{short}: decoding at {context}", lambda context=context: decoded(context))
            self.step(f"{short}: edits at {context}",
                      lambda context=context: gpu_edits.edits(decoder, context, watch, ceilings, steps[context]))
        self.step(f"{short}: moves", lambda: gpu_edits.moves(decoder, extent.contexts, watch, ceilings))
        self.step(f"{short}: parking", lambda: gpu_edits.parking(decoder, extent.contexts, watch))
        rows = tuple(count for count in extent.rows if count <= 256)
        self.step(f"{short}: attention",
                  lambda: gpu_forward.attentions(decoder, extent.contexts, rows, watch, ceilings))

    def engine(self, contexts: tuple[int, ...] = (2000, 8000, 32000)) -> None:
        text = (ROOT / "kvlsp" / "text" / "rope.py").read_text(encoding="utf-8")
        text = text[text.index("class ") :]
        settings = dataclasses.replace(uncut(Settings()), drafts=False, penalty=1.0, multi_line="never", cache_mib=8000)
        contexts = (1900,) if self.dry else contexts

        def run() -> Any:
            decoder = self.decoder("qwen2.5-coder-1.5b")
            model = dataclasses.replace(open_model(Settings(device="cpu")), decoder=decoder)
            model = dataclasses.replace(model, repair_budget=measure(decoder))
            return [{"budget": str(model.repair_budget)}, *suggestions(model, text, LINE, contexts, settings)]

        self.step("engine", run)

    def beside(self) -> None:
        shape = tiny(SHAPES["qwen2.5-coder-1.5b"]) if self.dry else SHAPES["qwen2.5-coder-1.5b"]
        self._decoders.clear()
        gc.collect()
        contexts = (100,) if self.dry else (8192, 2048)
        self.step("transformers", lambda: beside(shape, contexts, self.dtype, self.watch, compiled=not self.dry))


def _ended(process: subprocess.Popen[str]) -> Any:
    output, _ = process.communicate(timeout=150)
    return {"right": process.returncode == 0, "said": output[-3000:] if process.returncode else output[-200:]}


def _shown(found: Any) -> str:
    if isinstance(found, list):
        return "\n".join(json.dumps(line) for line in found[:60])
    if isinstance(found, dict):
        shown = {key: _shown(value) if isinstance(value, list) else value for key, value in found.items()}
        return "\n".join(f"  {key}: {value}" for key, value in shown.items())
    return str(found)


def main() -> int:
    """Runs the steps; 1 where something was not right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--seconds", type=float, default=420.0, help="begin no step after so long")
    parser.add_argument("--tiles", type=float, default=0.0, help="seconds to try tiles of the kernels of one row")
    parser.add_argument("--steps", default=",".join(STEPS))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    run = Run(given.out, given.dry_run, given.seconds, given.tiles)
    full = run.extent
    less = dataclasses.replace(full, contexts=full.contexts[:2], rows=full.rows[:6], editing=full.editing[:1])
    least = dataclasses.replace(less, contexts=full.contexts[1:2], rows=(1, 32))
    chosen = given.steps.split(",")
    steps: dict[str, Callable[[], None]] = {
        "quick": run.first_way,
        "short": lambda: run.figures_of("qwen2.5-coder-1.5b", least),
        "7b short": lambda: run.figures_of("qwen2.5-coder-7b", least),
        "0.5b short": lambda: run.figures_of("qwen2.5-coder-0.5b", least),
        "correct": run.correct,
        "tiles": run.tiles,
        "1.5b": lambda: run.figures_of("qwen2.5-coder-1.5b", full),
        "engine": run.engine,
        "engine short": lambda: run.engine((8000,)),
        "0.5b": lambda: run.figures_of("qwen2.5-coder-0.5b", less),
        "7b": lambda: run.figures_of("qwen2.5-coder-7b", less),
        "beside": run.beside,
    }
    for name in chosen:
        steps[name]()
    wrong = [name for name, found in run.figures.items() if name.startswith("right") and not found.get("right")]
    print("wrong: " + ", ".join(wrong) if wrong else "right", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
