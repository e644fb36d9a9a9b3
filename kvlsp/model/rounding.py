"""The precisions that round weights, by the name of the setting ``dtype``: how matrices are held, by which products.

Of two products over the same weights the quicker one is taken, measured at load over the model's own widths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from kvlsp.errors import UnsupportedModel
from kvlsp.model import int4
from kvlsp.model.grids import Rounded
from kvlsp.model.int4 import Int4Weight, int4_linear
from kvlsp.model.int8 import Int8Weight, int8_linear, integer_linear
from kvlsp.model.one_row import NUMBERS, best_of
from kvlsp.model.packed_int8 import packed_linear

Product = Callable[..., torch.Tensor]

BYTES = {"int8": 1.0, "int4": 0.5 + 4 / int4.GROUP}
"""Bytes of a rounded weight, by precision."""
TRIED = (1, 24)  # rows: a token, and an edit with its repair
TOKENS = 12  # of one suggestion, for one edit


@dataclass(frozen=True, slots=True)
class Rounding:
    """``matrix`` holds a layer's matrix (out, in), ``table`` the output layer and the embedding, ``kept`` matrices
    below one another as files hold them rounded (what it gives is None where it cannot); ``product`` is like
    :func:`torch.nn.functional.linear` for all. ``said`` is what a person reads of it. ``allowed``: how far logits may
    be apart, relative to the largest."""

    said: str
    matrix: Callable[[torch.Tensor], Any]
    table: Callable[[torch.Tensor], Int8Weight]
    product: Product
    allowed: float
    kept: Callable[[Sequence[Rounded | None]], Any] | None = None


def rounding(dtype: str, width: int, integers: bool | None = None) -> Rounding:
    """What ``int8`` or ``int4`` means for rows of ``width`` numbers. ``integers``: whether rows are rounded too before
    eight bits, None: as is quicker here. Raises :class:`~kvlsp.errors.UnsupportedModel` where PyTorch cannot."""
    if integers is None:
        integers = quicker_in_integers(width)
    octets = integer_linear if integers else int8_linear
    if dtype == "int4":
        if not int4.available():
            raise UnsupportedModel(
                "This build of PyTorch cannot multiply with four-bit weights on this processor. Choose dtype int8."
            )
        return Rounding(
            f"int4 weights in groups of {int4.GROUP}, output layer in int8", _narrow, Int8Weight.of,
            PRODUCTS[f"int4, {'integers' if integers else 'restored'}"], 0.8, Int4Weight.of_grids,
        )  # fmt: skip
    said = "int8 weights and activations" if integers else "int8 weights"
    return Rounding(said, Int8Weight.of, Int8Weight.of, octets, 0.2)


def quicker_in_integers(width: int) -> bool:
    """Whether multiplying integers is quicker than restoring weights, over rows of ``width`` numbers: a suggestion's
    tokens and one edit. Takes some milliseconds."""
    outputs = max(1, NUMBERS // width)
    weight = Int8Weight(torch.ones(outputs, width, dtype=torch.int8), torch.ones(outputs, dtype=torch.bfloat16))
    one, many = (torch.ones(count, width, dtype=torch.bfloat16) for count in TRIED)
    with torch.inference_mode():
        token, token_restored, edit, edit_restored = best_of(
            lambda: integer_linear(one, weight), lambda: int8_linear(one, weight),
            lambda: integer_linear(many, weight), lambda: int8_linear(many, weight),
        )  # fmt: skip
    return TOKENS * token + edit < TOKENS * token_restored + edit_restored


def _narrow(weight: torch.Tensor) -> Int4Weight | Int8Weight:
    """Four bits where the matrix can be packed so, else eight."""
    return Int4Weight.of(weight) if int4.fits(tuple(weight.shape)) else Int8Weight.of(weight)


def _either(octets: Product, rows: torch.Tensor, weight: Any, bias: torch.Tensor | None = None) -> torch.Tensor:
    product = int4_linear if isinstance(weight, Int4Weight) else octets
    return product(rows, weight, bias)


PRODUCTS: Mapping[str, Product] = {
    "restored": int8_linear, "integers": integer_linear, "packed": packed_linear,
    "int4, restored": partial(_either, int8_linear), "int4, integers": partial(_either, integer_linear),
}  # fmt: skip
"""All products by name, for files that say by which one their weights are multiplied."""
