"""Quality against milliseconds as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kvlsp.laboratory.evaluation.plotting import picture

_LEAST = 1e-9
"""Divergences are drawn on a logarithmic axis; full recomputation's is 0."""


def draw(tables: Sequence[Mapping[str, Any]], path: Path) -> None:
    """One panel per table, KL per token over milliseconds per edit, as a picture at ``path``."""
    with picture(path, 4.2 * len(tables), 3.6, len(tables)) as (_, panels):
        for panel, table in zip(panels, tables, strict=True):
            for name, figures in table["policies"].items():
                milliseconds, kl = max(0.1, figures["ms"]), max(_LEAST, figures["kl"])
                panel.scatter(milliseconds, kl, s=24)
                panel.annotate(name, (milliseconds, kl), textcoords="offset points", xytext=(4, 4), fontsize=8)
            panel.set(xscale="log", yscale="log", xlabel="milliseconds per edit", title=table["name"])
            panel.grid(alpha=0.3)
        panels[0].set_ylabel("KL per token to full recomputation (nats)")
