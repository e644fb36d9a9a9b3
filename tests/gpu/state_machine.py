"""The engine's state machine, its tiny model on a GPU in captured steps: ``python -m tests.gpu.state_machine N``."""

from __future__ import annotations

import dataclasses
import sys
from functools import cache
from typing import Any

import torch
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from kvlsp.model.graphed import GraphedForward
from kvlsp.model.lean_layers import take_over
from kvlsp.model.transformers_decoder import TransformersDecoder
from tests.engine import test_state_machine
from tests.support import models
from tests.support.decoders import tiny_llama

made: list[GraphedForward] = []


@cache
def on_gpu(layers: int = 2, order: Any = "suffix_first", *, heals: bool = True) -> Any:
    """The tiny model in float64 on a device, by captured steps."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = tiny_llama(layers).to(device)
    exact = TransformersDecoder(model, f"tiny-{layers}", model.config.max_position_embeddings)
    made.append(GraphedForward(take_over(exact)))
    return dataclasses.replace(models.tiny_model(layers, order, heals=heals), decoder=made[-1])


def main(examples: int) -> None:
    """So many examples; raises what the first failing one raised."""
    test_state_machine.tiny_model = on_gpu
    chosen = settings(max_examples=examples, stateful_step_count=25, deadline=None, database=None,
                      suppress_health_check=list(HealthCheck))  # fmt: skip
    run_state_machine_as_test(test_state_machine.Editing, settings=chosen)
    graphs = made[-1].graphs
    print(f"{examples} examples right on {made[-1].device}: {graphs.captured} steps captured, "
          f"{graphs.replayed} replayed")


if __name__ == "__main__":
    main(int(sys.argv[1]))
