"""Whether the lean decoder takes the place of the generic one, and by which product it multiplies then.

Whatever is recognised as lean must give the logits of the transformers decoder on a probe, and so must each product
that is quicker than the plain one; else that decoder, or the plain product, stays.
"""

from __future__ import annotations

import logging

import torch
from torch.nn.functional import linear as plain_linear

from kvlsp.model import one_row
from kvlsp.model.agreement import difference, logits_of, rows_to_try
from kvlsp.model.decoder import Decoder
from kvlsp.model.half import HalfWeight, available, half_linear
from kvlsp.model.lean import LeanDecoder
from kvlsp.model.lean_layers import take_over
from kvlsp.model.lean_weights import NotLean
from kvlsp.model.transformers_decoder import TransformersDecoder

logger = logging.getLogger(__name__)

TOLERANCE = {torch.float64: 1e-5, torch.float32: 1e-3, torch.bfloat16: 5e-2, torch.float16: 1e-2}
"""Largest difference of logits, relative to the largest logit, that the check at load accepts."""


def quickest(exact: TransformersDecoder) -> Decoder:
    """The lean decoder over the same weights if it gives the same logits, else ``exact`` itself."""
    exact.tried = None
    try:
        lean = take_over(exact)
        apart = _difference(exact, lean)
    except NotLean as reason:
        logger.info("%s runs through transformers: %s", exact.name, reason)
        return exact
    allowed = TOLERANCE.get(exact.dtype, 1e-3)
    if not apart <= allowed:
        logger.warning(
            "%s runs through transformers: the lean forward differs by %.1e where %.0e is allowed",
            exact.name, apart, allowed,
        )  # fmt: skip
        return exact
    logger.info("%s runs lean: its logits differ by %.1e from those of transformers", exact.name, apart)
    if exact.device.type == "cpu" and exact.dtype == torch.bfloat16:
        return _by_single_rows(lean, allowed)
    return _packed(exact, lean, allowed)


def _by_single_rows(lean: LeanDecoder, allowed: float) -> LeanDecoder:
    """With another product for a single row, where that is quicker and gives the same."""
    if one_row.quicker(lean.hidden):
        ids = rows_to_try(lean.vocabulary_size, lean.device)
        expected = logits_of(lean, ids, first=1)
        lean.multiply_by(one_row.one_row_linear)
        apart = difference(logits_of(lean, ids, first=1), expected)
        if not apart <= allowed:
            logger.warning("%s keeps oneDNN's product for single rows: another differs by %.1e", lean.name, apart)
            lean.multiply_by(plain_linear)
    return lean


def _packed(exact: TransformersDecoder, lean: LeanDecoder, allowed: float) -> LeanDecoder:
    """With its weights packed as sixteen-bit numbers where they are such numbers; else as it is.

    The weights of the transformers decoder behind it are given up then.
    """
    if exact.device.type != "cpu" or exact.dtype != torch.float32 or not available() or not lean.fits_half():
        return lean
    lean.hold(HalfWeight.of, half_linear)
    apart = _difference(exact, lean)
    if not apart <= allowed:
        logger.warning("%s keeps its weights in float32: packed its logits differ by %.1e", exact.name, apart)
        return take_over(exact)
    exact.give_up_weights()
    return lean


def _difference(exact: TransformersDecoder, lean: LeanDecoder) -> float:
    ids = rows_to_try(exact.vocabulary_size, exact.device)
    return difference(logits_of(lean, ids), logits_of(exact, ids))
