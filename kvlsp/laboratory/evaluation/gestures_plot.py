"""Rows encoded by each gesture as a picture, beside reuse of exact prefixes (matplotlib, from the extra ``train``)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

COLOURS = {"kvlsp": "#12a35f", "exact prefixes, suffix first": "#e0a84c", "exact prefixes, prefix first": "#c9761d"}


def draw(figures: Mapping[str, Any], path: Path) -> None:
    """What ``gestures.measure`` found: three bars a gesture on a logarithmic axis, as a picture at ``path``."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    runs = figures["gestures"]
    rows = {
        "kvlsp": [run["encoded"] for run in runs],
        "exact prefixes, suffix first": [run["prefix_reuse"]["suffix_first"] for run in runs],
        "exact prefixes, prefix first": [run["prefix_reuse"]["prefix_first"] for run in runs],
    }
    figure, panel = pyplot.subplots(figsize=(8.2, 0.62 * len(runs) + 1.2))
    high = 0.8 / len(rows)
    for number, (name, counts) in enumerate(rows.items()):
        places = [place + (number - 1) * high for place in range(len(runs))]
        panel.barh(places, [max(1, count) for count in counts], height=high * 0.92, color=COLOURS[name], label=name)
        for place, count in zip(places, counts, strict=True):
            panel.annotate(f" {count:,}", (max(1, count), place), va="center", fontsize=7.5)
    panel.set(xscale="log", xlabel=f"tokens encoded, in a document of {figures['document_tokens']:,}",
              yticks=range(len(runs)), yticklabels=[run["gesture"] for run in runs])
    panel.invert_yaxis()
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.4, 1.12), ncols=3)
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
