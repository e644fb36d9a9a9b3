"""The quick measure while training: bits per byte on some fixed windows of the held-out packages.

Not the one of the model card (`kvlsp/laboratory/evaluation/perplexity.py` makes that): this one must cost a second.
"""

from __future__ import annotations

import math

import torch

from kvlsp.laboratory.training.corpus import Corpus
from kvlsp.laboratory.training.network import Network, autocast, weighted_loss
from kvlsp.laboratory.training.vocabulary import Vocabulary

HELD_OUT_ROWS = 24
HELD_OUT_LENGTH = 1024


class HeldOut:
    """Some fixed windows of the held-out packages, tokenized once."""

    def __init__(self, corpus: Corpus, vocabulary: Vocabulary, longest: int = HELD_OUT_LENGTH) -> None:
        ids: list[int] = []
        for file in corpus.held_out:
            ids += vocabulary.encode(file.text)
        length = min(longest, HELD_OUT_LENGTH) + 1
        rows = min(HELD_OUT_ROWS, len(ids) // length)
        stride = len(ids) // rows if rows else 0
        windows = [ids[i * stride : i * stride + length] for i in range(rows)]
        self._ids = torch.tensor(windows) if rows else torch.empty(0, length, dtype=torch.long)
        self._bytes = sum(len(vocabulary.decode(window[1:]).encode()) for window in windows)

    @torch.no_grad()
    def bits_per_byte(self, network: Network, device: torch.device) -> float:
        """Bits per byte over all windows; NaN without held-out text."""
        total = 0.0
        for window in self._ids:
            with autocast(device):
                hidden = network(window[None, :-1].to(device))
            targets = window[1:].to(device)
            total += weighted_loss(
                hidden[0], network.embedding.weight, targets, torch.ones(len(targets), device=device)
            )[0].item()
        return total / math.log(2) / self._bytes if self._bytes else math.nan
