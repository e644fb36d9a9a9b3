"""``kvlsp evaluate places`` and ``confidence``: what is offered at drawn places, and how much of it is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from kvlsp.cli.options import JsonOption, with_model_options
from kvlsp.cli.progress import bar, opened
from kvlsp.config import Settings
from kvlsp.laboratory.commands.held_out import Drawn, with_drawn_places
from kvlsp.laboratory.commands.tables import answer, table

if TYPE_CHECKING:
    from kvlsp.laboratory.evaluation.places import PlaceReport



@with_model_options()
@with_drawn_places(300)
def confidence(
    settings: Settings,
    drawn: Drawn,
    memory: Annotated[bool, typer.Option("--memory", help="Mix with the memory of the workspace, here each package's "
                                         "other files; its weights are learned on others, if any.")] = False,
    json: JsonOption = False,
) -> None:
    """How many suggestions a threshold on confidence leaves (setting `confidence`), and how many of those are right."""
    from kvlsp.laboratory.evaluation import confidence as measuring
    from kvlsp.laboratory.evaluation.decode_prompts import ordinary
    from kvlsp.laboratory.evaluation.workspace_memory import Memories

    loaded, files = opened(settings), drawn.files()
    settings = replace(settings, context_tokens=settings.context_tokens or measuring.WINDOW)
    told = Memories(loaded, files, drawn.language, workspace=drawn.workspace()).of if memory else None
    with bar("places", drawn.count) as advance:
        judged = measuring.judge(loaded, ordinary(files, drawn.count, settings, drawn.seed, None), settings,
                                 memory=told, advance=advance)
    rows = [{name: f"{value:.1%}" if name != "threshold" else value for name, value in row.items()}
            for row in measuring.table(judged)]
    figures = {**measuring.as_json(judged), "model": loaded.description}
    sure = [{"surest": f"{row['share']:.0%}", "from": f"{row['confidence']:.4f}", "right": f"{row['right']:.1%}"}
            for row in measuring.surest(judged)]

    def show() -> None:
        table(rows, f"{drawn.count} places, {loaded.description}")
        table(sure, "of the surest places")

    answer(json, figures, show)


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
