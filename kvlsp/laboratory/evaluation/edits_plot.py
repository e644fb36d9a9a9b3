"""Quality against milliseconds as a picture (matplotlib, from the extra ``train``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kvlsp.errors import ConfigurationError

_LEAST = 1e-9
"""Divergences are drawn on a logarithmic axis; full recomputation's is 0."""


def require() -> None:
    """Raise :class:`ConfigurationError` where matplotlib is missing, before anything long begins."""
    if find_spec("matplotlib") is None:
        raise ConfigurationError("--plot needs matplotlib: pip install 'kvlsp[train]'.")


def draw(tables: Sequence[Mapping[str, Any]], path: Path) -> None:
    """One panel per table, KL per token over milliseconds per edit, as a picture at ``path``."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(tables), figsize=(4.2 * len(tables), 3.6), squeeze=False, sharey=True)
    for panel, table in zip(panels[0], tables, strict=True):
        for name, figures in table["policies"].items():
            milliseconds, kl = max(0.1, figures["ms"]), max(_LEAST, figures["kl"])
            panel.scatter(milliseconds, kl, s=24)
            panel.annotate(name, (milliseconds, kl), textcoords="offset points", xytext=(4, 4), fontsize=8)
        panel.set(xscale="log", yscale="log", xlabel="milliseconds per edit", title=table["name"])
        panel.grid(alpha=0.3)
    panels[0][0].set_ylabel("KL per token to full recomputation (nats)")
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
