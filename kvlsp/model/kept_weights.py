"""A lean decoder's weights as a file, in the form in which they are computed with: nothing is read from the checkpoint,
rounded or laid out again, and nothing is copied, for they stay in the file, mapped.

The file is safetensors. What JSON can say of the decoder stands in its header, which fills whole pages; each tensor
begins at a multiple of 64 bytes, as kernels like it; at the end stand a sum for each page, and what the decoder said of
a few rows when it was written. A file that does not hold, or does not say the same, is :class:`Damaged`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from kvlsp.errors import KvlspError
from kvlsp.model import page_sums, weight_forms
from kvlsp.model.agreement import difference, logits_of, rows_to_try
from kvlsp.model.geometry import Geometry, LayerKind
from kvlsp.model.keyvalues import LayerShape
from kvlsp.model.lean import LeanDecoder
from kvlsp.model.lean_weights import LeanLayer, LeanParts, Weight
from kvlsp.model.limits import is_shortage
from kvlsp.model.page_sums import PAGE, PageSums
from kvlsp.model.rotary import Rotation
from kvlsp.model.rounding import PRODUCTS

FORMAT: Final = 1
"""To be raised when what is written, or what it means, changes: the forms of weights and their products among it."""
SUMS, TRIED = "sums", "tried"
APART: Final = 0.02
"""How far what it says may be from what it said, relative to the largest logit: another number of threads adds up in
another order."""
_ALIGNED: Final = 64
_PIECE: Final = 4 << 20
_NAMES: Final = {torch.uint8: "U8", torch.int8: "I8", torch.int32: "I32", torch.int64: "I64", torch.bfloat16: "BF16",
                 torch.float16: "F16", torch.float32: "F32"}
_NUMBERS: Final = ("heads", "epsilon", "residual", "embedding_scale", "logits_scale")
_LAYER: Final = tuple(one.name for one in fields(LeanLayer) if one.name not in ("scale", "window"))


class Damaged(KvlspError):
    """A file that holds no weights of this model: cut short, changed, foreign or of another format."""


class Abandoned(Exception):
    """Weights that were being written are gone. Never leaves whoever has them written."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file held: the decoder, and what was said of it (:func:`write`)."""

    decoder: LeanDecoder
    about: Mapping[str, Any]


def can_be_kept(decoder: object) -> bool:
    """Whether its weights have forms that a file can hold."""
    return isinstance(decoder, LeanDecoder) and decoder.device.type == "cpu" and _product_of(decoder) is not None and (
        all(weight_forms.can_be_kept(weight) for _, weight in _weights(decoder.parts)))


def nbytes(decoder: LeanDecoder) -> int:
    """Bytes that a file of it would have, about."""
    return sum(one.nbytes for _, weight in _weights(decoder.parts) for one in weight_forms.tensors(weight).values())


def write(file: BinaryIO, decoder: Callable[[], LeanDecoder | None], key: str, about: Mapping[str, Any],
          tried: torch.Tensor, go_on: Callable[[], bool] = lambda: True) -> None:
    """Write what ``decoder`` gives, for as long as it does and ``go_on`` says so before each piece; else
    :class:`Abandoned` is raised. ``tried`` is what it says of :func:`~kvlsp.model.agreement.rows_to_try`. Raises
    :class:`OSError`."""
    lean = decoder()
    if lean is None:
        raise Abandoned
    header, plan = _header(lean, key, about, tried)
    del lean
    sums = PageSums()
    sums.add(memoryview(header))
    file.write(header)
    for name, size in plan:
        for first in range(0, size, _PIECE):
            if not go_on() or (lean := decoder()) is None:
                raise Abandoned
            data = _bytes_of(lean, name)[first : first + _PIECE] if name else memoryview(bytes(size))
            sums.add(data)
            file.write(data)
            del lean, data  # nobody waits for memory that is only being written
    file.write(sums.all().data)
    file.write(_bytes(tried))


def read(path: Path, key: str) -> Kept:
    """What lies at ``path``, which must have been written under this key. Raises :class:`Damaged`, and
    :class:`OSError` where it cannot be read; where there is no memory for it, what says so."""
    try:
        with safe_open(path, "pt") as file:
            said = file.metadata() or {}
            if said.get("format") != str(FORMAT) or said.get("key") != key:
                raise Damaged("it is of another model or another version of kvlsp")
            sums = file.get_tensor(SUMS)
            size = os.stat(path).st_size - int(said["behind"])
            if size % PAGE or not np.array_equal(page_sums.of_file(path, size), sums.numpy().view(np.uint64)):
                raise Damaged("it does not hold what was written")
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        facts = json.loads(said["facts"])
        decoder = _decoder(facts, found)
        ids = rows_to_try(decoder.vocabulary_size, decoder.device)
        if not difference(logits_of(decoder, ids), found[TRIED]) <= APART:
            raise Damaged("its weights do not say what they said")
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError, IndexError, AttributeError) as error:
        if is_shortage(error):
            raise
        raise Damaged("it does not hold what it should") from error
    return Kept(decoder, facts["about"])


def about(path: Path) -> Mapping[str, Any]:
    """What was said of a file's decoder, without looking at its weights; {} where it says nothing."""
    try:
        with safe_open(path, "pt") as file:
            found = json.loads((file.metadata() or {})["facts"])["about"]
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


# --- writing -----------------------------------------------------------------------------------------------------


def _header(lean: LeanDecoder, key: str, about: Mapping[str, Any], tried: torch.Tensor) -> tuple[
        bytes, list[tuple[str, int]]]:
    """The first pages, and the tensors that follow by name and bytes; without a name: zeros up to the next place."""
    table: dict[str, Any] = {}
    plan: list[tuple[str, int]] = []
    end = 0

    def place(name: str, kind: str, shape: tuple[int, ...], size: int) -> None:
        nonlocal end
        table[name] = {"dtype": kind, "shape": shape, "data_offsets": (end, end + size)}
        end += size

    def fill(step: int) -> None:
        if size := -end % step:
            place(f"filler.{end}", "U8", (size,), size)
            plan.append(("", size))

    for path, weight in _weights(lean.parts):
        for part, tensor in weight_forms.tensors(weight).items():
            place(f"{path}.{part}", _NAMES[tensor.dtype], tuple(tensor.shape), tensor.nbytes)
            plan.append((f"{path}.{part}", tensor.nbytes))
            fill(_ALIGNED)
    fill(PAGE)
    facts = _facts(lean, about)

    def written(count: int) -> bytes:
        """The header where there are so many sums."""
        first, last = end + 8 * count, end + 8 * count + tried.nbytes
        behind = {SUMS: {"dtype": "I64", "shape": (count,), "data_offsets": (end, first)},
                  TRIED: {"dtype": _NAMES[tried.dtype], "shape": tuple(tried.shape), "data_offsets": (first, last)}}
        said = {"kvlsp": "weights", "format": str(FORMAT), "key": key, "behind": str(last - end),
                "facts": json.dumps(facts)}
        return json.dumps({"__metadata__": said, **table, **behind}).encode()

    extent = -(-(8 + len(written(1 << 50))) // PAGE) * PAGE
    text = written((extent + end) // PAGE)
    return (extent - 8).to_bytes(8, "little") + text.ljust(extent - 8), plan


def _facts(lean: LeanDecoder, about: Mapping[str, Any]) -> dict[str, Any]:
    kinds = list(dict.fromkeys(lean.exact.kinds))
    parts = lean.parts
    return {
        "about": dict(about), "product": _product_of(lean), "tied": parts.head is parts.embedding,
        "name": lean.name, "context_length": lean.context_length, "vocabulary_size": lean.vocabulary_size,
        "dtype": str(lean.dtype).removeprefix("torch."),
        "kinds": [asdict(kind) for kind in kinds], "kind_of": [kinds.index(kind) for kind in lean.exact.kinds],
        "numbers": {name: getattr(parts, name) for name in _NUMBERS},
        "layers": [{"scale": layer.scale, "window": layer.window} for layer in parts.layers],
        "weights": {path: weight_forms.facts(weight) for path, weight in _weights(parts)},
    }  # fmt: skip


def _product_of(lean: LeanDecoder) -> str | None:
    return next((name for name, product in PRODUCTS.items() if product is lean.product), None)


def _weights(parts: LeanParts) -> Iterator[tuple[str, Weight]]:
    """All there are, by what they are called in a file."""
    yield "norm", parts.norm
    yield "embedding", parts.embedding
    if parts.head is not parts.embedding:
        yield "head", parts.head
    for number, layer in enumerate(parts.layers):
        for name in _LAYER:
            weight = getattr(layer, name)
            if weight is not None:
                yield f"layers.{number}.{name}", weight


def _bytes_of(lean: LeanDecoder, name: str) -> memoryview:
    """The bytes of a tensor by its name in a file."""
    path, _, part = name.rpartition(".")
    owner: Any = lean.parts
    if path.startswith("layers."):
        _, number, path = path.split(".")
        owner = owner.layers[int(number)]
    return _bytes(weight_forms.tensors(getattr(owner, path))[part])


def _bytes(tensor: torch.Tensor) -> memoryview:
    return memoryview(tensor.detach().contiguous().flatten().view(torch.uint8).numpy().data).cast("B")


# --- reading -----------------------------------------------------------------------------------------------------


def _decoder(facts: Mapping[str, Any], found: Mapping[str, torch.Tensor]) -> LeanDecoder:
    kinds = [_kind(one) for one in facts["kinds"]]
    dtype = getattr(torch, facts["dtype"])
    geometry = Geometry(facts["name"], facts["context_length"], facts["vocabulary_size"],
                        [kinds[number] for number in facts["kind_of"]], dtype, torch.device("cpu"))
    apart: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in found.items():
        path, _, part = name.rpartition(".")
        apart.setdefault(path, {})[part] = tensor
    weights: dict[str, Any] = {path: weight_forms.put_together(said, apart[path])
                               for path, said in facts["weights"].items()}
    layers = [_layer({name: weights.get(f"layers.{number}.{name}") for name in _LAYER}, said)
              for number, said in enumerate(facts["layers"])]
    head = weights["embedding"] if facts["tied"] else weights["head"]
    parts = LeanParts(**facts["numbers"], embedding=weights["embedding"], head=head, norm=weights["norm"],
                      layers=layers)
    return LeanDecoder(geometry, parts, PRODUCTS[facts["product"]])


def _layer(weights: Mapping[str, Any], said: Mapping[str, Any]) -> LeanLayer:
    return LeanLayer(**weights, **said)


def _kind(said: Mapping[str, Any]) -> LayerKind:
    rotation = said["rotation"]
    if rotation is not None:
        rotation = Rotation(**{**rotation, "frequencies": tuple(rotation["frequencies"])})
    return LayerKind(rotation, said["window"], LayerShape(**said["shape"]))
