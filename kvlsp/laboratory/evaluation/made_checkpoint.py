"""A checkpoint of real size with random weights and a real vocabulary: for measurements without a trained one at hand.

It takes the time, the memory and the disk of a trained one, and is opened like one; what it says is noise.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from kvlsp.errors import ConfigurationError
from kvlsp.laboratory.evaluation.gpu_shapes import SHAPES, random_model

CONTEXT = 32_768


def make(shape: str, folder: Path, vocabulary: Path, *, seed: int = 0) -> int:
    """Write the checkpoint of ``shape`` in bfloat16 with the tokenizer's files in ``vocabulary``; its parameters.

    Raises :class:`ConfigurationError` for an unknown shape, or where there is no tokenizer.
    """
    if shape not in SHAPES:
        raise ConfigurationError(f"There is no shape called {shape}; there are {', '.join(SHAPES)}.")
    files = [vocabulary / name for name in ("tokenizer.json", "tokenizer_config.json")]
    if not files[0].is_file():
        raise ConfigurationError(f"{vocabulary} holds no tokenizer.json; name the folder of a model's tokenizer.")
    folder.mkdir(parents=True, exist_ok=True)
    random_model(SHAPES[shape], CONTEXT, torch.device("cpu"), torch.bfloat16, seed).save_pretrained(folder)
    for file in files:
        if file.is_file():
            shutil.copyfile(file, folder / file.name)
    return SHAPES[shape].parameters
