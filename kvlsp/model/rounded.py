"""A model with its weights rounded to eight or four bits, as the setting ``dtype`` says, judged before it is used."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch

from kvlsp.errors import UnsupportedModel
from kvlsp.model.agreement import difference, logits_of, rows_to_try
from kvlsp.model.int8 import int8_linear, integer_linear
from kvlsp.model.lean import LeanDecoder
from kvlsp.model.lean_layers import take_over
from kvlsp.model.lean_weights import NotLean
from kvlsp.model.memory import return_freed
from kvlsp.model.packed_int8 import PackedInt8, packed_linear, worthwhile
from kvlsp.model.rounding import rounding
from kvlsp.model.stored_layers import StoredLayers
from kvlsp.model.transformers_decoder import TransformersDecoder

logger = logging.getLogger(__name__)


def rounded(
    exact: TransformersDecoder, dtype: str, stored: StoredLayers | None = None, integers: bool | None = None,
    told: Callable[[float], None] = lambda share: None,
) -> tuple[LeanDecoder, str, torch.Tensor]:
    """The lean decoder with the weights of ``exact`` in ``dtype`` (int8, int4), what to say of its precision, and what
    it says of :func:`~kvlsp.model.agreement.rows_to_try`.

    The weights of ``exact`` are given up meanwhile. ``integers`` as in :func:`~kvlsp.model.rounding.rounding`;
    ``told`` hears which share of the layers is done. Raises
    :class:`~kvlsp.errors.UnsupportedModel` where there is no lean decoder or the rounding changes too much.
    """
    ids = rows_to_try(exact.vocabulary_size, exact.device)
    expected = exact.tried if exact.tried is not None else logits_of(exact, ids)
    way = rounding(dtype, exact.model.get_input_embeddings().weight.shape[1], integers)
    try:
        lean = take_over(exact, way, stored, told)
    except NotLean as reason:
        raise UnsupportedModel(
            f"{exact.name} cannot run with {dtype} weights: {reason}. Choose dtype bfloat16."
        ) from reason
    said = way.said
    tried = logits_of(lean, ids)
    apart = difference(tried, expected)
    if not apart <= way.allowed and way.product is integer_linear:
        logger.info("%s keeps its activations in bfloat16: in eight bits its logits differ by %.2f", exact.name, apart)
        lean.multiply_by(int8_linear)
        said, tried = "int8 weights", logits_of(lean, ids)
        apart = difference(tried, expected)
    if not apart <= way.allowed:
        better = "bfloat16" if dtype == "int8" else "int8 or bfloat16"
        raise UnsupportedModel(
            f"Rounding {exact.name} to {dtype} changes its logits by {apart:.2f} of the largest, more than "
            f"{way.allowed}. Choose dtype {better}."
        )
    logger.info("%s runs with %s: its logits differ by %.1e", exact.name, said, apart)
    if way.product is integer_linear and said == way.said and worthwhile(lean.hidden):
        lean.repack(PackedInt8.of, packed_linear)
        return_freed()
    exact.give_up_weights()
    return lean, said, tried
