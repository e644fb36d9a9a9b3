"""``kvlsp bench gpu`` where there is no GPU: what it says, a dry run of every step, and what it needs."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import kvlsp
from kvlsp import cli
from kvlsp.cache.choosing import SEAM
from kvlsp.laboratory.evaluation import gpu_bench, gpu_correct, gpu_decode, gpu_edits
from kvlsp.laboratory.evaluation.gpu_shapes import SHAPES, lean_decoder, narrow, random_model, tiny
from kvlsp.laboratory.evaluation.gpu_timing import Ceilings, Cost, Stopwatch
from kvlsp.model.graphed import GraphedForward

CPU = torch.device("cpu")
LITTLE = dataclasses.replace(gpu_bench.TINY, contexts=(40,), rows=(1, 3), editing=(60,), tokens=18, repeats=3)

# What a plain checkout has not: everything of pyproject.toml but torch, transformers (and what it brings: tokenizers,
# safetensors, typer, rich) and numpy, and the rooms of kvlsp that need it.
BLOCKED = ("pygls", "lsprotocol", "tree_sitter", "watchdog", "platformdirs", "matplotlib", "pynvim",
           "kvlsp.cli", "kvlsp.engine", "kvlsp.server", "kvlsp.syntax", "kvlsp.text", "kvlsp.tokens",
           "kvlsp.completion", "kvlsp.workspace", "kvlsp.default_model", "kvlsp.laboratory.training",
           "kvlsp.laboratory.commands")  # fmt: skip

PLAIN_CHECKOUT = f"""
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if any(name == one or name.startswith((one + ".", one + "_")) for one in {BLOCKED!r}):
            raise ModuleNotFoundError(f"No module named {{name!r}} in a plain checkout", name=name)

sys.meta_path.insert(0, Blocked())
sys.path.insert(0, sys.argv.pop(1))
from kvlsp.laboratory.evaluation import gpu_bench
sys.exit(gpu_bench.main(sys.argv[1:]))
"""


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def plain_checkout(*arguments: str) -> subprocess.CompletedProcess[str]:
    root = str(Path(kvlsp.__file__).parent.parent)
    return subprocess.run([sys.executable, "-c", PLAIN_CHECKOUT, root, *arguments], capture_output=True, text=True,
                          timeout=240, env={"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"})  # fmt: skip


def test_a_plain_checkout_runs_every_step_dry(tmp_path):
    written = tmp_path / "gpu.json"
    done = plain_checkout("--dry-run", "--json", "--models", "qwen2.5-coder-1.5b", "--contexts", "40", "--rows", "1,3",
                          "--editing", "60", "--repeats", "3", "--output", str(written))  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures == json.loads(written.read_text())
    assert figures["gpu"] is None
    assert set(figures["models"]) == {"qwen2.5-coder-1.5b"}
    model = figures["models"]["qwen2.5-coder-1.5b"]
    assert model["correctness"]["torch"]["right"]
    assert {"forwards", "attention", "moves", "decoding", "editing"} <= set(model)


def test_the_blocker_blocks():
    """Otherwise the test above would show nothing."""
    root = str(Path(kvlsp.__file__).parent.parent)
    code = PLAIN_CHECKOUT.replace("from kvlsp.laboratory.evaluation import gpu_bench", "import kvlsp.tokens.tokenizer")
    done = subprocess.run([sys.executable, "-c", code, root], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "in a plain checkout" in done.stderr


def test_without_a_gpu_it_says_so(capsys, tmp_path):
    assert gpu_bench.main([]) == 0
    assert capsys.readouterr().out.startswith("no GPU")
    assert gpu_bench.main(["--json", "--output", str(tmp_path / "gpu.json")]) == 0
    assert json.loads(capsys.readouterr().out) == {"gpu": None} == json.loads((tmp_path / "gpu.json").read_text())


@pytest.mark.parametrize(("arguments", "code", "said"), [
    (["bench", "gpu"], 0, "no GPU"),
    (["bench", "gpu", "--json"], 0, '"gpu": null'),
    (["bench", "gpu", "--models", "abacus"], 2, "Choose from deepseek-coder-1.3b"),
    (["bench", "gpu", "--rows", "many"], 2, "is not a list of numbers"),
])  # fmt: skip
def test_the_command_line_calls_the_same(capsys, arguments, code, said):
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    spoken = capsys.readouterr()
    assert (left.value.code or 0) == code
    assert said in (spoken.err if code else spoken.out)


def test_figures_of_a_dry_run_and_their_text():
    figures = gpu_bench.measure(dataclasses.replace(LITTLE, models=("deepseek-coder-1.3b",)), dry_run=True)
    model = figures["models"]["deepseek-coder-1.3b"]
    assert [(line["context"], line["rows"]) for line in model["forwards"]] == [(40, 1), (40, 3)]
    assert all(line["ratio"] >= 0 and line["ms"] > 0 for line in model["forwards"])
    (decoded,) = model["decoding"]
    assert [one["drafts"] for one in decoded["drafts"]] == [3, 7, 15]
    (edited,) = model["editing"]
    tops = [one for one in edited["edits"] if one["insert_at"] == "top"]
    own = gpu_edits.LINE + 1  # the line and the last row; what stands right behind it counts as repair
    assert [one["encoded"] for one in tops] == [own + SEAM, own + 15]
    assert all(one["moved"] == 60 - 5 for one in tops)
    said = gpu_bench.text(figures)
    assert "dry run on the CPU" in said
    assert "-- editing, edits" in said
    assert len({len(line) for line in said.split("-- forwards\n")[1].splitlines()[:3]}) == 1, "columns line up"


def test_wrong_logits_are_not_timed(monkeypatch, capsys):
    """A decoder whose moves do nothing gives wrong logits after a move."""
    monkeypatch.setattr(GraphedForward, "move", lambda self, document, slots, positions: None)
    monkeypatch.setattr(gpu_bench, "TINY", LITTLE)
    assert gpu_bench.main(["--dry-run", "--json", "--models", "qwen2.5-coder-7b"]) == 1
    model = json.loads(capsys.readouterr().out)["models"]["qwen2.5-coder-7b"]
    assert not model["correctness"]["torch"]["right"]
    assert "after a move" in model["correctness"]["torch"]["float32"]["worst"]
    assert "forwards" not in model


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_check_passes_in_other_precisions(dtype):
    figures = gpu_correct.check(tiny(SHAPES["qwen2.5-coder-7b"]), CPU, (dtype,), {})
    assert figures["right"], figures


@pytest.mark.parametrize(("name", "billions"), [
    ("deepseek-coder-1.3b", 1.35), ("qwen2.5-coder-1.5b", 1.54), ("qwen2.5-coder-7b", 7.62),
])  # fmt: skip
def test_shapes_have_the_parameters_of_the_models_they_stand_for(name, billions):
    assert SHAPES[name].parameters / 1e9 == pytest.approx(billions, rel=0.01)
    assert SHAPES[name].hidden % SHAPES[name].heads == 0


@pytest.mark.parametrize("name", SHAPES)
def test_costs_are_counted_from_the_weights(name):
    shape = tiny(SHAPES[name])
    lean = lean_decoder(random_model(shape, 128, CPU, torch.float32), name)
    cost = Cost.of(lean, lean.vocabulary_size)
    embedding = 0 if shape.tied else shape.vocabulary * shape.hidden
    assert cost.matrices == shape.parameters - embedding
    assert cost.slot == 2 * lean.layers * lean.kv_heads * lean.width * 4 < lean.bytes_per_slot
    nbytes, operations = cost.forward(3, 100, 1)
    assert nbytes == cost.weights + 100 * cost.slot
    assert operations == 6 * (cost.matrices - cost.head) + 2 * cost.head + 300 * cost.mixing
    nbytes, operations = cost.prefill(100, 100)
    assert nbytes == cost.weights + 100 * cost.slot
    assert operations == 200 * (cost.matrices - cost.head) + 2 * cost.head + 5000 * cost.mixing
    assert cost.prefill(100, 50)[0] == 2 * cost.weights + 150 * cost.slot
    assert narrow(shape, vocabulary=100).vocabulary == 100


def test_a_floor_is_the_larger_of_memory_and_arithmetic():
    ceilings = Ceilings(bandwidth=1e9, products=1e12)
    assert ceilings.floor_ms(2e6, 1e9) == pytest.approx(2.0)
    assert ceilings.floor_ms(2e6, 5e9) == pytest.approx(5.0)


def test_drafts_of_the_same_tokens_agree_and_leave_no_rows():
    model = random_model(tiny(SHAPES["qwen2.5-coder-1.5b"]), 256, CPU, torch.float64)
    decoder = GraphedForward(lean_decoder(model, "tiny"))
    figures = gpu_decode.decoding(decoder, 50, 12, Stopwatch(CPU, 3), Ceilings(1e9, 1e12), drafts=(3, 7))
    assert [one["agreeing"] for one in figures["drafts"]] == [1.0, 1.0]


def test_an_edited_document_keeps_identities_unique():
    document = gpu_edits.Document(30, 100)
    document.insert(4)
    document.insert(20)
    document.delete(2, 10)
    assert len(document.ids) == len(np.unique(document.cells)) == 60
