"""``kvlsp evaluate places`` and ``confidence``: what is offered at drawn places, and how much of it is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from kvlsp.cli.options import JsonOption, with_model_options
from kvlsp.cli.progress import bar, opened
from kvlsp.config import Settings
from kvlsp.laboratory.commands.held_out import Drawn, with_drawn_places
from kvlsp.laboratory.commands.tables import answer, table

if TYPE_CHECKING:
    from kvlsp.laboratory.evaluation.places import PlaceReport



@with_model_options()
@with_drawn_places(300)
def confidence(settings: Settings, drawn: Drawn, json: JsonOption = False) -> None:
    """How many suggestions a threshold on confidence leaves (setting `confidence`), and how many of those are right."""
    from kvlsp.laboratory.evaluation import confidence as measuring
    from kvlsp.laboratory.evaluation.decode_prompts import ordinary

    loaded = opened(settings)
    with bar("places", drawn.count) as advance:
        judged = measuring.judge(loaded, ordinary(drawn.files(), drawn.count, settings, drawn.seed), settings,
                                 advance=advance)
    rows = [{name: f"{value:.1%}" if name != "threshold" else value for name, value in row.items()}
            for row in measuring.table(judged)]
    figures = {**measuring.as_json(judged), "model": loaded.description}
    answer(json, figures, lambda: table(rows, f"{drawn.count} places, {loaded.description}"))


@with_model_options()
@with_drawn_places(30)
def places(settings: Settings, drawn: Drawn, json: JsonOption = False) -> None:
    """What is offered at real places, and why generation stopped there."""
    from kvlsp.laboratory.evaluation.places import report

    loaded = opened(settings)
    with bar("places", drawn.count) as advance:
        found = report(loaded, drawn.files(), drawn.count, settings, seed=drawn.seed, advance=advance)
    figures = {"places": [asdict(place) for place in found], "model": loaded.description}
    answer(json, figures, lambda: _show(found, loaded.description))


def _show(found: Sequence[PlaceReport], title: str) -> None:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    columns = [Column(title, overflow="fold") for title in ("place", "offered at |>", "stopped by")]
    shown = Table(*columns, title=title, show_lines=True)
    for place in found:
        line = f"{place.before}|>{place.offered}|>{place.after}" if place.offered else f"{place.before}|>{place.after}"
        shown.add_row(Text(place.place), Text(line.strip()), Text(place.reason or place.stop))
    Console().print(shown)
