"""``kvlsp evaluate first-window``: suggestions from the first window of a document just opened, beside the whole's."""

from __future__ import annotations

from kvlsp.cli.options import JsonOption, with_model_options
from kvlsp.cli.progress import bar, opened
from kvlsp.config import Settings
from kvlsp.laboratory.commands.held_out import Drawn, with_drawn_places
from kvlsp.laboratory.commands.tables import answer, table


@with_model_options()
@with_drawn_places(100)
def first_window(settings: Settings, drawn: Drawn, json: JsonOption = False) -> None:
    """Exact first lines where only the tokens around the caret are laid out, and where the whole window is."""
    from kvlsp.laboratory.evaluation import first_window as measuring

    loaded = opened(settings)
    with bar("places", drawn.count) as advance:
        pairs = measuring.measure(loaded, drawn.files(), drawn.count, settings, seed=drawn.seed, advance=advance)
    counts = measuring.summary(pairs)
    rows = [
        {"window": window, "places": counts["places"], "offered": counts[f"offered_{window}"],
         "exact": counts[f"exact_{window}"], "only here exact": counts[f"exact_only_{window}"]}
        for window in ("first", "whole")
    ]
    title = f"{loaded.description}; the same suggestion at {counts['same']} places"
    answer(json, {**measuring.as_json(pairs), "model": loaded.description}, lambda: table(rows, title))
