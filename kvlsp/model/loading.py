"""From a name to a decoder: find the files, plan memory, load, probe, take the quick path if it is right."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig

from kvlsp.errors import UnsupportedModel
from kvlsp.model.adapter import merge
from kvlsp.model.architecture import context_length, refuse, slot_numbers
from kvlsp.model.checkpoint import Progress, known, read_config
from kvlsp.model.contents import contents, weight_files
from kvlsp.model.decoder import Decoder
from kvlsp.model.formats import (
    ADAPTER,
    no_language_model,
    not_described,
    refuse_layers,
    refuse_stored,
    rounded_as,
    unused_adapter,
)
from kvlsp.model.graphed import GraphedForward, on_a_device
from kvlsp.model.lean import LeanDecoder
from kvlsp.model.lean_taken import quickest
from kvlsp.model.loaded import Checkpoint, LoadedModel, find, silent
from kvlsp.model.memory import Size, plan, return_freed
from kvlsp.model.quickest_precision import choose, costs
from kvlsp.model.reading import opened, read_model, restore_model
from kvlsp.model.rounded import rounded
from kvlsp.model.rounding import BYTES
from kvlsp.model.stored_layers import stored_layers
from kvlsp.model.transformers_decoder import TransformersDecoder

logger = logging.getLogger(__name__)


STORED = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}
"""Formats of files that need not be converted to be mapped."""


CHECKING, CHECKED, ROUNDED = 0.05, 0.35, 0.95
"""Shares of the time that rounding weights takes: before they are looked at, before the first layer, behind the
last."""


def load(
    what: str | Path | Checkpoint,
    device: str = "auto",
    dtype: str = "auto",
    progress: Progress = silent,
    lean: bool = True,
    quickest_precision: Callable[[Any], torch.dtype | None] = lambda config: choose(costs(config)),
    in_integers: Callable[[int], bool] | None = None,
    *,
    called: str = "",
) -> LoadedModel:
    """Load a checkpoint, by its folder, as a model of the hub, or as it was found.

    ``progress(share, text)`` is called while it goes on, share None where it is not known. ``lean`` false
    keeps the transformers forward (for comparisons). ``quickest_precision`` tells it for a text model's config on this
    processor, where dtype is auto; ``in_integers`` whether rows of a width are rounded too (None: measured now);
    ``called`` is its name for people. Raises :class:`~kvlsp.errors.ModelNotFound`,
    :class:`~kvlsp.errors.ModelBroken`, :class:`~kvlsp.errors.UnsupportedModel`,
    :class:`~kvlsp.errors.OutOfMemory` or :class:`~kvlsp.errors.ConfigurationError`.
    """
    checkpoint = what if isinstance(what, Checkpoint) else find(what, progress)
    folder, name, adapter = checkpoint.folder, checkpoint.name, checkpoint.adapter
    called = called or name
    raw = read_config(folder)
    how = rounded_as(raw, folder)
    found = contents(folder, how)
    count = found.parameters
    refuse_stored(found.rounded, folder)
    refuse_layers(raw, found.names, folder)
    if (folder / ADAPTER).is_file():
        logger.warning("%s", unused_adapter(folder))
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        if known(raw["model_type"]):
            raise not_described(folder, error) from error
        raise UnsupportedModel(
            f"transformers does not know the architecture {raw['model_type']} of {name}. "
            "Choose another model or a newer transformers."
        ) from error
    text = config.get_text_config()
    refuse(text)
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING and type(text) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise no_language_model(raw["model_type"], folder)
    size = Size(count, slot_numbers(text), found.tables, found.largest_layer, whole=adapter is not None)
    chosen = plan(size, device, dtype, quickest=lambda: quickest_precision(text))
    progress(0.0, f"loading {called} ({chosen.weights / 1e6:,.0f} MB)")
    narrow, stored = dtype in BYTES, None
    in_files = narrow and adapter is None  # layers are read from their files once more, when they are rounded
    files = opened(folder, weight_files(folder), how)
    if how is None:
        stored_as = STORED.get(found.stored, chosen.dtype) if in_files else chosen.dtype
        model = read_model(folder, chosen.device, stored_as)
    else:
        model = restore_model(folder, config, files, how, chosen.device, chosen.dtype, 1 if in_files else None)
    if adapter is not None:
        progress(0.7, f"merging {called}")
        merge(model, adapter)
    if in_files:
        stored = stored_layers(model, files)
        if stored is None and how is not None:
            model = restore_model(folder, config, files, how, chosen.device, chosen.dtype)
        for parameter in model.parameters():  # not the buffers: frequencies of rotations stay what they are
            parameter.data = parameter.data.to(chosen.dtype)
    progress(CHECKING if narrow else 0.8, f"checking {called}")
    decoder: Decoder
    tried = None
    exact = TransformersDecoder(model, name, context_length(text))
    del model  # the decoder gives its weights up where it has them in another form
    precision = str(exact.dtype).removeprefix("torch.")
    if narrow:
        width = int(exact.model.get_input_embeddings().weight.shape[1])
        integers = in_integers(width) if in_integers is not None else None
        decoder, precision, tried = rounded(
            exact, dtype, stored, integers,
            lambda share: progress(CHECKED + (ROUNDED - CHECKED) * share, f"rounding {called} to {dtype}"),
        )  # fmt: skip
    else:
        decoder = on_a_device(quickest(exact)) if lean else exact
    return_freed()
    progress(1.0, f"{called} is loaded")
    path = "graphs" if isinstance(decoder, GraphedForward) else "lean" if decoder is not exact else "transformers"
    if isinstance(decoder, LeanDecoder) and decoder.packed:
        path = "lean, 16-bit weights"
    description = f"{called}: {count / 1e6:,.1f}M parameters, {precision} on {decoder.device}, {path}"
    if (folder / ADAPTER).is_file():
        description += ", without the adapter beside it"
    if how is not None:
        description += f", restored from {how.said}"
    if adapter is not None:
        description += f", a LoRA adapter merged into {adapter.base}"
    return LoadedModel(decoder, checkpoint, description, size, tried)
