"""What is trained: shapes, batches, phases. `cpu` is what two cores do in an evening, `gpu` what one H200
or H100 does in minutes. Numbers only; no torch here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from kvlsp.errors import ConfigurationError


@dataclass(frozen=True)
class Shape:
    """A Llama: `layers` blocks of grouped-query attention and gated feed-forward, tied embeddings."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    key_value_heads: int
    head_dim: int
    feed_forward: int
    theta: float = 100_000.0
    positions: int = 8192

    @property
    def parameters(self) -> int:
        """Trained numbers, the tied embedding counted once."""
        attention = self.width * self.head_dim * (2 * self.heads + 2 * self.key_value_heads)
        block = attention + 3 * self.width * self.feed_forward + 2 * self.width
        return self.vocabulary * self.width + self.layers * block + self.width


@dataclass(frozen=True)
class Phase:
    """A part of the training: rows of `length` tokens, `rows` of them a step, for `share` of the budget.

    Every `long_every`-th step (0: none) is one of the last phase instead: long contexts are learned from the
    start on, while the rate is high, and not only at the end.
    """

    name: str
    length: int
    rows: int
    share: float
    long_every: int = 0


@dataclass(frozen=True)
class Preset:
    """Everything a training needs besides the corpus, the budget and the seed."""

    name: str
    shape: Shape
    phases: tuple[Phase, ...]
    budget_minutes: float
    matrix_rate: float
    vector_rate: float
    weight_decay: float = 0.05
    warmup_steps: int = 50
    decay_share: float = 0.4
    final_rate: float = 0.02
    middle_weight: float = 12.0
    device: str = "cpu"
    lanes: int = 1
    unseen_every: int = 1
    """Every so manieth step leaves out what texts did not see (`piecemeal`). Masks rule a GPU's quickest kernel out,
    but with every fourth step a model's cache could not be repaired in suffix-first order (decision 0018)."""


PRESETS = {
    "cpu": Preset(
        name="cpu",
        shape=Shape(vocabulary=8192, width=256, layers=6, heads=4, key_value_heads=2, head_dim=64, feed_forward=704),
        phases=(
            Phase("main", 2048, 4, 0.94, long_every=10),
            Phase("long", 8192, 1, 0.06),
        ),
        budget_minutes=110,
        matrix_rate=0.012,
        vector_rate=0.003,
    ),
    "gpu": Preset(
        name="gpu",
        shape=Shape(vocabulary=8192, width=512, layers=8, heads=8, key_value_heads=2, head_dim=64, feed_forward=1152),
        phases=(
            Phase("main", 2048, 64, 0.85, long_every=16),
            Phase("long", 8192, 16, 0.15),
        ),
        budget_minutes=24,
        matrix_rate=0.02,
        vector_rate=0.003,
        weight_decay=0.1,
        device="cuda",
        lanes=14,
    ),
}


def preset(name: str) -> Preset:
    """The preset of that name. Raises ConfigurationError with the names there are."""
    if name not in PRESETS:
        raise ConfigurationError(f"There is no preset {name!r}. Presets are: {', '.join(PRESETS)}.")
    return PRESETS[name]


def miniature(preset: Preset) -> Preset:
    """The preset with the same phases, rates and lanes, small enough for a processor to try its way in seconds."""
    shape = replace(
        preset.shape,
        vocabulary=512,
        width=64,
        layers=2,
        heads=2,
        key_value_heads=1,
        head_dim=32,
        feed_forward=96,
        positions=512,
    )
    phases = tuple(
        replace(phase, length=length, rows=2, long_every=min(phase.long_every, 2))
        for phase, length in zip(preset.phases, (128, 512), strict=True)
    )
    return replace(preset, shape=shape, phases=phases, device="cpu", lanes=min(preset.lanes, 2), warmup_steps=2)
