"""How many threads a forward uses where the user has not said: one core stays free.

While a suggestion is computed the editor draws, the language's own server analyses, a compiler runs. The threads of a
forward meet some ten times per layer, each time waiting for the last of them, so one that shares its core with another
program slows all of them down. With one of two cores busy a one-row forward of the default model took 62 ms with one
thread and 723 ms with two (medians of the same run).
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import torch


def default_threads(cores: int, environment: Mapping[str, str] = os.environ) -> int:
    """All of ``cores`` but one; all of them where the user chose by OMP_NUM_THREADS how many PyTorch takes."""
    return cores if environment.get("OMP_NUM_THREADS") else max(1, cores - 1)


CORES = torch.get_num_threads()
"""What PyTorch takes by itself: physical cores that this process may use, or OMP_NUM_THREADS."""


def use(threads: int) -> None:
    """Forwards of this process use so many threads from now on; 0: the default."""
    torch.set_num_threads(threads or default_threads(CORES))
