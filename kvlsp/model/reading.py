"""From files to a model of transformers, unmodified: in its own way where weights are plain, else restored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from logging import CRITICAL
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging as transformers_logging

from kvlsp.errors import KvlspError, ModelBroken, OutOfMemory, UnsupportedModel
from kvlsp.model.formats import UNROUNDED
from kvlsp.model.limits import is_shortage
from kvlsp.model.packings import Packing
from kvlsp.model.tensor_files import TensorFiles

_OPTIONS: dict[str, Any] = {
    "use_safetensors": True, "trust_remote_code": False, "attn_implementation": "eager", "output_loading_info": True,
}  # fmt: skip


def opened(folder: Path, paths: list[Path], how: Packing | None) -> TensorFiles:
    """The tensors of a checkpoint, by name. Raises :class:`~kvlsp.errors.ModelBroken`."""
    with _explained(folder):
        return TensorFiles(paths, how)


def read_model(folder: Path, device: torch.device, dtype: torch.dtype) -> Any:
    """The model on its device, in ``dtype``. Raises :class:`~kvlsp.errors.ModelError`."""
    with _explained(folder):
        model, found = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True, **_OPTIONS)
        _refuse_missing(found["missing_keys"], folder)
        _refuse_unplaced(model, found["unexpected_keys"], folder)
        return model.to(device).requires_grad_(False)


def restore_model(
    folder: Path, config: Any, files: TensorFiles, how: Packing, device: torch.device, dtype: torch.dtype,
    layers: int | None = None,
) -> Any:  # fmt: skip
    """The model with its rounded weights restored, on its device, in ``dtype``.

    ``layers``: only so many of its layers are read, and the others are stand-ins that take no memory. Raises
    :class:`~kvlsp.errors.ModelError`.
    """
    for one in (config, config.get_text_config()):
        for name in ("quantization_config", "quantization", "compression_config"):
            if hasattr(one, name):
                delattr(one, name)
    with _explained(folder):
        with torch.device("meta"):
            empty = AutoModelForCausalLM.from_config(config)
        stand_ins = {} if layers is None else _stand_ins(empty, layers, dtype)
        _refuse_unexplained(files.scales_alone(empty.state_dict()), folder, how)
        tensors = {name: one for name, one in stand_ins.items() if name in files.names}
        for name in sorted(files.names - tensors.keys()):  # one by one: what a matrix is restored from goes meanwhile
            if name.rpartition(".")[2] not in how.ignored:
                tensors |= files.read([name], dtype)
        # not the automatic class, which looks for an adapter where there is no folder
        model, found = type(empty).from_pretrained(
            None, config=empty.config, state_dict=tensors, dtype=dtype, **_OPTIONS
        )
        _refuse_missing(found["missing_keys"], folder)
        _refuse_unexplained(min(found["unexpected_keys"], default=""), folder, how)
        return model.to(device).requires_grad_(False)


def _stand_ins(model: Any, layers: int, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """One number each for all weights of the layers behind the first ``layers``."""
    prefix, number = _layers_of(model), torch.zeros((), dtype=dtype)
    return {
        name: number.expand(one.shape)
        for name, one in model.named_parameters()
        if name.startswith(prefix) and int(name[len(prefix) :].partition(".")[0]) >= layers
    }


def _layers_of(model: Any) -> str:
    """What the names of its layers' weights begin with, before the number of the layer."""
    (name,) = (name for name, one in model.named_modules() if one is model.get_decoder().layers)
    return f"{name}."


def _refuse_unexplained(name: str, folder: Path, how: Packing) -> None:
    if name:
        raise UnsupportedModel(
            f"The weights in {folder} hold {name}, which neither {how.said} nor the model explains. {UNROUNDED}"
        )


def _refuse_missing(names: set[str], folder: Path) -> None:
    if names:  # transformers would fill them with random numbers and say so in a log
        raise ModelBroken(
            f"{len(names)} weights are missing in {folder}, {min(names)} for one. Fetch the model again or choose "
            "another."
        )


_BUFFERS = re.compile(r"rotary|inv_freq|masked_bias|attn\.bias")
"""Tables that older programs have stored beside weights, and nobody needs."""


def _refuse_unplaced(model: Any, names: Iterable[str], folder: Path) -> None:
    """Raise :class:`ModelBroken` where layers have weights that the description has no place for: transformers leaves
    them out without a word, and what is left says what nobody has trained."""
    if not hasattr(model.get_decoder(), "layers"):  # another architecture's word for them
        return
    prefix, layers, parts = _layers_of(model), len(model.get_decoder().layers), (".weight", ".bias")
    known = layers + (getattr(model.config.get_text_config(), "num_nextn_predict_layers", None) or 0)
    unplaced = [one for one in names if one.startswith(prefix) and one.endswith(parts) and not _BUFFERS.search(one)]
    numbers = {name: int(number) for name in unplaced if (number := name[len(prefix) :].partition(".")[0]).isdigit()}
    more = [number for number in numbers.values() if number >= known]
    if more:
        raise ModelBroken(
            f"The config.json in {folder} speaks of {layers:,} layers, the weights hold {max(more) + 1:,}: they do not "
            "belong together. Fetch the model again, or choose another."
        )
    name = min((name for name, number in numbers.items() if number < layers), default="")
    if name:
        raise ModelBroken(
            f"The weights in {folder} hold {name}, for which the model that its config.json describes has no place: "
            "they do not belong together. Fetch the model again, or choose another."
        )


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity(CRITICAL)  # what is wrong is raised here, in a sentence
    try:
        yield
    except OutOfMemory:
        raise
    except Exception as error:
        if is_shortage(error):
            raise OutOfMemory(
                f"Memory ran out while {folder.name} was loaded. Choose a smaller model or close other programs."
            ) from error
        if isinstance(error, KvlspError):
            raise
        # transformers and safetensors raise many kinds for files that do not fit each other
        if "ignore_mismatched_sizes" in str(error):
            raise ModelBroken(
                f"The weights in {folder} have other shapes than its config.json describes: they do not belong "
                "together. Fetch the model again, or choose another."
            ) from error
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelBroken(
            f"The model in {folder} cannot be loaded: {first} Fetch it again or choose another model."
        ) from error
