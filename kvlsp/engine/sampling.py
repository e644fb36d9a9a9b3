"""Draw a token instead of taking the likeliest: reproducible, and the same whether it was drafted or not.

The draw for place n of a completion depends on (seed, stream, n) and on the distribution there, on nothing that was
drawn or computed before: a drafted token is right iff it is what would have been drawn without a draft, so drafts
change no text and no distribution (speculative decoding with copied drafts needs no rejection sampling then).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

_EARLIEST = np.float32(1e-30)  # no arrival at zero, whose logarithm would let an impossible token win


@dataclass(frozen=True, slots=True)
class Sampling:
    """Draws at ``temperature`` > 0. ``seed`` names the completion, ``stream`` the candidate; both >= 0."""

    temperature: float
    seed: int
    stream: int = 0

    def draw(self, row: torch.Tensor, place: int) -> int:
        """A token from log-probabilities ``row`` (vocabulary,), up to a common constant; -inf is never drawn.

        An exponential race (the Gumbel-max trick): rounding of the row changes a draw only where two tokens all but
        tie, which inverting a cumulative distribution would not promise.
        """
        generator = np.random.Generator(np.random.Philox(key=self.seed, counter=[0, 0, self.stream, place]))
        times = generator.standard_exponential(len(row), dtype=np.float32)
        np.log(np.maximum(times, _EARLIEST, out=times), out=times)
        return int((row / self.temperature).sub_(torch.from_numpy(times).to(row.device)).argmax())
