"""The forms in which a lean decoder holds a weight, taken apart into tensors that a file can hold, and put together.

What is put together is what was taken apart, bit for bit, and lies where the tensors lie.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import torch

from kvlsp.model import opaque
from kvlsp.model.int4 import Int4Weight
from kvlsp.model.int8 import Int8Weight
from kvlsp.model.lean_weights import Weight
from kvlsp.model.packed_int8 import PackedInt8

Facts = dict[str, Any]
"""What JSON can say."""


def can_be_kept(weight: Weight) -> bool:
    """Whether it can be taken apart here."""
    if isinstance(weight, PackedInt8):
        return opaque.available()
    return isinstance(weight, torch.Tensor | Int8Weight | Int4Weight)


def facts(weight: Weight) -> Facts:
    """What has to be known beside the tensors."""
    if isinstance(weight, PackedInt8):
        layout = base64.b64encode(opaque.layout_of(weight.packed)).decode()
        return {"form": "packed int8", "shape": list(weight.packed.shape), "layout": layout}
    if isinstance(weight, Int8Weight):
        return {"form": "int8"}
    return {"form": "int4" if isinstance(weight, Int4Weight) else "plain"}


def tensors(weight: Weight) -> dict[str, torch.Tensor]:
    """Its tensors by name, valid for as long as it is."""
    if isinstance(weight, PackedInt8):
        return {"packed": opaque.memory_of(weight.packed), "scales": weight.scales}
    if isinstance(weight, Int8Weight):
        return {"codes": weight.codes, "scales": weight.scales}
    if isinstance(weight, Int4Weight):
        return {"packed": weight.packed, "scales": weight.scales}
    if isinstance(weight, torch.Tensor):
        return {"numbers": weight.contiguous()}
    raise TypeError(f"{type(weight).__name__} is a form that cannot be kept")


def put_together(facts: Mapping[str, Any], found: Mapping[str, torch.Tensor]) -> Weight:
    """The weight of such tensors. Raises KeyError, ValueError or RuntimeError where they are not those of a form."""
    form = facts["form"]
    if form == "packed int8":
        outputs = int(facts["shape"][1])
        packed = opaque.placed(found["packed"], tuple(facts["shape"]), base64.b64decode(facts["layout"]))
        return PackedInt8(packed, found["scales"], torch.zeros(outputs, dtype=torch.int32), found["packed"])
    if form == "int8":
        return Int8Weight(found["codes"], found["scales"])
    if form == "int4":
        return Int4Weight(found["packed"], found["scales"])
    if form == "plain":
        return found["numbers"]
    raise ValueError(f"{form} is no form of weights")
