"""What rounding a checkpoint's weights loses: its predictions beside those of the same weights in bfloat16.

Text is that of the excerpts that come along, which no model of kvlsp has learned. The two are loaded one after the
other, so that a model too large to be held twice can be judged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from kvlsp.laboratory.evaluation.edits_versions import sampled
from kvlsp.model.decoder import Decoder
from kvlsp.model.loading import load
from kvlsp.model.rows import RowBatch
from kvlsp.tokens.tokenizer import Tokenizer

EXCERPTS, TOKENS, POSITIONS = 6, 512, 64
"""Excerpts, tokens of each at most, and predictions of each that are compared."""


@dataclass(frozen=True, slots=True)
class Loss:
    """``kl`` in nats per token, ``agreement`` (same most likely token) in per cent, over ``positions``."""

    kl: float
    agreement: float
    positions: int

    def __str__(self) -> str:
        return (f"KL {self.kl:.5f} against bfloat16, the same likeliest token at {self.agreement:.1f} % of "
                f"{self.positions} positions")


def measure(model: str | Path, dtype: str, device: str = "auto") -> Loss:
    """What ``dtype`` (int8, int4) loses of a checkpoint. Raises what :func:`kvlsp.model.loading.load` raises."""
    loaded = load(model, device if device != "auto" else "cpu", "bfloat16")
    tokenizer = Tokenizer.load(loaded.folder, loaded.decoder.vocabulary_size)
    texts = [torch.from_numpy(tokenizer.encode("".join(one.before)).ids[:TOKENS].copy()).long()
             for one in sampled()[:EXCERPTS]]  # fmt: skip
    expected = predictions(loaded.decoder, texts)
    del loaded
    return compare(predictions(load(model, "cpu", dtype).decoder, texts), expected)


def predictions(decoder: Decoder, texts: Iterable[torch.Tensor]) -> torch.Tensor:
    """Log-probabilities float16 (positions, vocabulary) in the last part of each text."""
    found = []
    for ids in texts:
        places = torch.arange(len(ids))
        document = decoder.allocate(len(ids))
        wanted = slice(max(0, len(ids) - POSITIONS), None)
        found.append(decoder.forward(document, RowBatch(ids, places, places, wanted)).log_softmax(-1).half())
    return torch.cat(found)


def compare(found: torch.Tensor, expected: torch.Tensor) -> Loss:
    """How far ``found`` is from ``expected``, both as :func:`predictions` gives them."""
    divergence = sum(
        float((one.float().exp() * (one.float() - other.float())).nan_to_num(0.0).sum())
        for one, other in zip(expected, found, strict=True)
    )
    same = (found.argmax(-1) == expected.argmax(-1)).float().mean()
    return Loss(max(0.0, divergence / len(found)), 100 * float(same), len(found))
