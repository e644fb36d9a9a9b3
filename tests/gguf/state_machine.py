"""The engine's state machine with a tiny model run by llama.cpp: ``python -m tests.gguf.state_machine N``.

Rows are in float32 there: rounding then is no reason for another token.
"""

from __future__ import annotations

import sys

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.engine import test_state_machine
from tests.support.llama import tiny_gguf_model


def main(examples: int) -> None:
    """So many examples of each machine; raises what the first failing one raised."""
    test_state_machine.tiny_model = tiny_gguf_model
    chosen = settings(max_examples=examples, stateful_step_count=20, deadline=None, database=None,
                      suppress_health_check=list(HealthCheck))  # fmt: skip
    for machine in (test_state_machine.Editing, test_state_machine.Growing):
        run_state_machine_as_test(machine, settings=chosen)
        print(f"{examples} examples of {machine.__name__} right")


if __name__ == "__main__":
    main(int(sys.argv[1]))
