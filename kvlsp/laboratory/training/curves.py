"""The learning curve as a picture. matplotlib is imported only here and only when a picture is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kvlsp.errors import ConfigurationError


def draw_curve(curve: Sequence[dict[str, float]], path: Path, title: str) -> None:
    """Held-out bits per byte and training loss over tokens seen. Raises ConfigurationError without
    matplotlib.
    """
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError as error:
        raise ConfigurationError(
            "The picture of the learning curve needs matplotlib. Install kvlsp with its extra: kvlsp[train]."
        ) from error
    tokens = [point["tokens"] / 1e6 for point in curve]
    figure, left = pyplot.subplots(figsize=(8, 4.5), dpi=110)
    left.plot(tokens, [point["held_out_bits_per_byte"] for point in curve], color="tab:blue", label="held out")
    left.set_xlabel("million tokens seen")
    left.set_ylabel("held-out bits per byte (1,024-token windows)", color="tab:blue")
    left.grid(alpha=0.3)
    right = left.twinx()
    right.plot(tokens, [point["loss"] for point in curve], color="tab:orange", alpha=0.6)
    right.set_ylabel("training loss, nats (middles weigh more)", color="tab:orange")
    left.set_title(title)
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)
