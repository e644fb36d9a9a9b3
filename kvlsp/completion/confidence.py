"""Is a suggestion worth showing unasked? Nothing is better than noise.

    entropy = first_entropy(first_logprobs)                # of the row that the first token was chosen from
    score = confidence(logprobs_of_chosen_tokens, entropy) # 0..1
    offered = score >= settings.confidence                 # automatic requests only

The score is the geometric mean probability of the chosen tokens, weakened by how open the first choice was.
Only tokens of the text that is offered should be counted. This module knows numbers, no tokens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

ENTROPY_WEIGHT = 0.25
"""Share of the first token's entropy in the score, the rest is the mean log-probability."""


def first_entropy(logprobs: ArrayLike) -> float:
    """Entropy in nats of one row of log-probabilities (vocabulary,); -inf entries count nothing."""
    row = np.asarray(logprobs, dtype=np.float64)
    row = row[np.isfinite(row)]
    return float(-(np.exp(row) * row).sum()) if len(row) else 0.0


def confidence(logprobs: Sequence[float], entropy: float) -> float:
    """Between 0 and 1: exp of mean log-probability and negative first entropy, weighted; 0 without tokens."""
    finite = [value for value in logprobs if math.isfinite(value)]
    if not finite:
        return 0.0
    mean = sum(finite) / len(finite)
    return math.exp((1.0 - ENTROPY_WEIGHT) * min(mean, 0.0) - ENTROPY_WEIGHT * max(entropy, 0.0))
