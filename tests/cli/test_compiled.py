"""The products that PyTorch keeps compiled are bounded, whatever shapes a day brings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kvlsp.cli.compiled import SHAPES, SHAPES_OF_LAYER, VARIABLES, bound_compiled_shapes

NAMES = {name for _, names in VARIABLES for name in names}

PRODUCTS = """
from pathlib import Path
import torch
torch.set_num_threads(1)

def resident():
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024

weight = torch.ones(256, 256, dtype=torch.bfloat16)
marks = []
with torch.inference_mode():
    for rows in range(8, 608):
        torch.nn.functional.linear(torch.ones(rows, 256, dtype=torch.bfloat16), weight)
        if rows in (207, 607):
            marks.append(resident())
print(marks[1] - marks[0])
"""
"""Prints by how many MiB 400 shapes more make the process grow."""


def run(program: str, **environment: str) -> str:
    inherited = {name: value for name, value in os.environ.items() if name not in NAMES}
    done = subprocess.run([sys.executable, "-c", program], env={**inherited, **environment}, capture_output=True,
                          text=True, timeout=100, check=True)
    return done.stdout


def test_both_caches_are_bounded():
    environment: dict[str, str] = {}
    bound_compiled_shapes(environment)
    assert environment == {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": str(SHAPES), "LRU_CACHE_CAPACITY": str(SHAPES_OF_LAYER)}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_what_the_user_has_set_holds(name):
    environment = {name: "1024"}
    bound_compiled_shapes(environment)
    assert environment[name] == "1024"
    assert len(environment) == len(VARIABLES)


def test_the_program_does_it_before_pytorch_is_loaded():
    seen = run("""
import os, sys
sys.stdout.flush = lambda: print(sorted(name for name in os.environ if "CACHE_CAPACITY" in name),
                                 "torch" in sys.modules)
from kvlsp.cli import main
main(["--version"])
""")
    assert "['LRU_CACHE_CAPACITY', 'ONEDNN_PRIMITIVE_CACHE_CAPACITY'] False" in seen


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="tells its memory otherwise")
def test_pytorch_keeps_to_it():
    before_torch = "from kvlsp.cli.compiled import bound_compiled_shapes\nbound_compiled_shapes()\n"
    assert int(run(before_torch + PRODUCTS)) < 40
