"""Where kvlsp enters an unmodified transformers model: its rotary modules and its attention function.

The rotary modules are replaced by ones that do not rotate, so that queries and keys arrive un-rotated at the
attention function registered here, which hands them to whoever drives the forward: the probe or the decoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from transformers import AttentionInterface

ATTENTION = "kvlsp"


@dataclass(frozen=True, slots=True)
class Call:
    """What a layer asks of its attention, batch dimension dropped.

    ``queries`` (heads, rows, width), ``keys`` (kv_heads, rows, width), ``values`` (kv_heads, rows,
    value_width).
    """

    layer: int
    queries: torch.Tensor
    keys: torch.Tensor
    values: torch.Tensor
    scale: float
    window: int | None
    softcap: float | None
    sinks: torch.Tensor | None
    unknown: tuple[str, ...]  # keyword arguments with a tensor that kvlsp does not understand


class Driver(Protocol):
    """Receives the attention calls of one forward."""

    def attend(self, call: Call) -> torch.Tensor:
        """Mixed values, (heads, rows, value_width)."""
        ...


KNOWN = frozenset({"position_ids", "position_embeddings"})


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    kvlsp: Driver | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    if kvlsp is None:
        raise RuntimeError("This architecture does not hand keyword arguments on to its attention function.")
    unknown = tuple(name for name, it in others.items() if isinstance(it, torch.Tensor) and name not in KNOWN)
    mixed = kvlsp.attend(
        Call(
            layer=int(module.layer_idx),  # type: ignore[arg-type]
            queries=query[0],
            keys=key[0],
            values=value[0],
            scale=query.shape[-1] ** -0.5 if scaling is None else scaling,
            window=sliding_window,
            softcap=softcap,
            sinks=s_aux,
            unknown=unknown if attention_mask is None else (*unknown, "attention_mask"),
        )
    )
    return mixed.transpose(0, 1)[None], None


AttentionInterface.register(ATTENTION, _attention)


class Unrotated(torch.nn.Module):
    """Stands where a rotary module stood; rotates by nothing unless ``rotating`` is set (for the probe)."""

    def __init__(self, real: torch.nn.Module) -> None:
        super().__init__()
        self.real = real
        self.rotating = True
        self._complex = False
        self._width = 0

    def forward(self, x: torch.Tensor, position_ids: torch.Tensor, *others: Any, **named: Any) -> Any:
        """Cosine 1 and sine 0 (or complex 1), in the shape that the real module gives."""
        if self.rotating:
            angles = self.real(x, position_ids, *others, **named)
            self._complex = not isinstance(angles, tuple)
            self._width = (angles if self._complex else angles[0]).shape[-1]
            return angles
        shape = (*position_ids.shape, self._width)
        if self._complex:
            return torch.ones(shape, dtype=torch.complex64, device=x.device)
        return x.new_ones(shape), x.new_zeros(shape)


def stand_in(model: torch.nn.Module) -> list[Unrotated]:
    """Replace every rotary module of ``model``; the same module keeps one stand-in. They still rotate."""
    stand_ins: dict[int, Unrotated] = {}
    for parent in list(model.modules()):
        if isinstance(parent, Unrotated):
            continue
        for name, child in list(parent.named_children()):
            if type(child).__name__.endswith("RotaryEmbedding"):
                setattr(parent, name, stand_ins.setdefault(id(child), Unrotated(child)))
    return list(stand_ins.values())
