"""``kvlsp evaluate places`` and ``confidence``: what is offered at drawn places, and how much of it is right."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from kvlsp.cli.held_out import FromOption, held_out
from kvlsp.cli.options import DeviceOption, DtypeOption, JsonOption, ModelOption, ThreadsOption, print_json, settings_of
from kvlsp.cli.progress import bar


def confidence(
    count: Annotated[int, typer.Option(help="How many places.", min=1)] = 300,
    model: ModelOption = "",
    from_: FromOption = None,
    seed: Annotated[int, typer.Option(help="Which places are drawn.")] = 0,
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = 0,
    json: JsonOption = False,
) -> None:
    """How many suggestions a threshold on confidence leaves (setting `confidence`), and how many of those are right."""
    from kvlsp.engine.model import open_model
    from kvlsp.evaluation import confidence as measuring
    from kvlsp.evaluation.decode_prompts import ordinary

    settings = settings_of(model=model, device=device, dtype=dtype, threads=threads)
    loaded = open_model(settings)
    with bar("places", count) as advance:
        judged = measuring.judge(loaded, ordinary(held_out(from_), count, settings, seed), settings, advance=advance)
    if json:
        print_json({**measuring.as_json(judged), "model": loaded.description})
        return
    from rich.console import Console
    from rich.table import Table

    rows = measuring.table(judged)
    shown = Table(*rows[0], title=f"{count} places, {loaded.description}")
    for row in rows:
        shown.add_row(*(f"{value:.1%}" if name != "threshold" else str(value) for name, value in row.items()))
    Console().print(shown)


def places(
    count: Annotated[int, typer.Option(help="How many places.", min=1)] = 30,
    model: ModelOption = "",
    from_: FromOption = None,
    seed: Annotated[int, typer.Option(help="Which places are drawn.")] = 0,
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = 0,
    json: JsonOption = False,
) -> None:
    """What is offered at real places, and why generation stopped there."""
    from kvlsp.engine.model import open_model
    from kvlsp.evaluation.places import report

    settings = settings_of(model=model, device=device, dtype=dtype, threads=threads)
    loaded = open_model(settings)
    with bar("places", count) as advance:
        found = report(loaded, held_out(from_), count, settings, seed=seed, advance=advance)
    if json:
        print_json({"places": [asdict(place) for place in found], "model": loaded.description})
        return
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    columns = [Column(title, overflow="fold") for title in ("place", "offered at |>", "stopped by")]
    shown = Table(*columns, title=loaded.description, show_lines=True)
    for place in found:
        line = f"{place.before}|>{place.offered}|>{place.after}" if place.offered else f"{place.before}|>{place.after}"
        shown.add_row(Text(place.place), Text(line.strip()), Text(place.reason or place.stop))
    Console().print(shown)
