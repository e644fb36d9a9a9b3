"""What gestures and growing documents cost, as pictures, beside reuse of exact prefixes and a full prefill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from kvlsp.laboratory.evaluation.plotting import picture

COLOURS: Final = {"kvlsp": "#12a35f", "exact prefixes, suffix first": "#e0a84c",
                  "exact prefixes, prefix first": "#c9761d"}
KEPT, MOVED, ENCODED = "#b7dfc1", "#a9c7f2", "#cf222e"

LEAST: Final = 1 / 240
"""Of a bar's width: what is less could not be seen."""


def draw(figures: Mapping[str, Any], path: Path) -> None:
    """What ``gestures.measure`` found, as a picture at ``path``: three bars a gesture on a logarithmic axis; of a
    single gesture what becomes of all tokens."""
    if len(figures["gestures"]) == 1:
        draw_one(figures["document_tokens"], figures["gestures"][0], path)
        return
    runs = figures["gestures"]
    rows = {
        "kvlsp": [run["encoded"] for run in runs],
        "exact prefixes, suffix first": [run["prefix_reuse"]["suffix_first"] for run in runs],
        "exact prefixes, prefix first": [run["prefix_reuse"]["prefix_first"] for run in runs],
    }
    high = 0.8 / len(rows)
    with picture(path, 8.2, 0.62 * len(runs) + 1.2) as (_, [panel]):
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


def draw_one(tokens: int, run: Mapping[str, Any], path: Path) -> None:
    """A bar for all ``tokens`` of the document each way: what stays, what is moved, what is encoded."""
    reuse = run["prefix_reuse"]
    bars = [
        ("reuse of an exact prefix, prompt with the prefix first", 0, reuse["prefix_first"]),
        ("reuse of an exact prefix, prompt with the suffix first", 0, reuse["suffix_first"]),
        ("kvlsp", run["moved"], run["encoded"]),
    ]
    with picture(path, 8.2, 2.9) as (_, [panel]):
        for place, (name, moved, encoded) in enumerate(bars):
            width = max(encoded, LEAST * tokens)
            kept = max(0, tokens - moved - width)
            parts = ((kept, KEPT, "kept"), (width, ENCODED, "encoded"), (moved, MOVED, "kept, its keys rotated"))
            begin = 0.0
            for length, colour, label in parts:
                panel.barh(place, length, left=begin, height=0.44, color=colour, label=label if place == 2 else None)
                begin += length
            said = f"{name}: {encoded:,} of {tokens:,} tokens encoded" + (f", {moved:,} moved" if moved else "")
            panel.annotate(said, (0, place - 0.36), fontsize=9, color="#24292f", va="center")
        panel.invert_yaxis()
        panel.set(xlim=(0, tokens), ylim=(2.35, -0.6))
        panel.set_axis_off()
        panel.set_title(run["gesture"].capitalize(), fontsize=10, fontweight="bold", loc="left")
        panel.legend(frameon=False, fontsize=8.5, loc="upper left", bbox_to_anchor=(0, 0.02), ncols=3)


def draw_growth(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """What ``gestures.growth`` found, as a picture at ``path``: milliseconds over the document's size."""
    sizes = [row["document_tokens"] for row in rows]
    with picture(path, 5.6, 3.6) as (_, [panel]):
        for name, key, colour in (("full prefill", "prefill_ms", COLOURS["exact prefixes, prefix first"]),
                                  ("kvlsp", "repair_ms", COLOURS["kvlsp"])):
            values = [row[key] for row in rows]
            panel.plot(sizes, values, marker="o", color=colour, label=name)
            for size, value in zip(sizes, values, strict=True):
                panel.annotate(f"{value:,.0f} ms", (size, value), textcoords="offset points", xytext=(0, 6), fontsize=8,
                               ha="center")
        panel.set(yscale="log", xlabel="tokens of the document", ylabel="milliseconds", title="A line typed at the top")
        panel.set_xlim(left=0)
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(frameon=False, fontsize=8)
