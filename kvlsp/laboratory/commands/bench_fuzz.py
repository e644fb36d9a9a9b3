"""``kvlsp bench fuzz``: random changes through the texts and the engine, compared with a fresh start."""

from __future__ import annotations

from typing import Annotated

import typer

from kvlsp.cli.options import JsonOption, with_model_options
from kvlsp.cli.progress import bar, opened
from kvlsp.config import Settings
from kvlsp.laboratory.commands.tables import answer, table


@with_model_options()
def fuzz(
    settings: Settings,
    changes: Annotated[int, typer.Option(min=1, help="How many changes to make.")] = 20_000,
    check_every: Annotated[int, typer.Option(min=1, help="Compare tokens and rows after so many.")] = 200,
    seed: Annotated[int, typer.Option(help="Which changes are drawn.")] = 0,
    json: JsonOption = False,
) -> None:
    """Edit at random, compare with a fresh start all the while, say the rate; exit code 1 where anything differs."""
    from kvlsp.laboratory.evaluation import fuzz as fuzzing
    from kvlsp.opening.threads import use

    use(settings.threads)
    model = opened(settings)
    with bar("editing", changes) as advance:
        found = fuzzing.fuzz(model, changes, seed=seed, check_every=check_every, made=advance)
    figures = found.figures()
    rows = [
        {"figure": name.replace("_", " "), "value": f"{value:,}" if isinstance(value, int) else str(value)}
        for name, value in figures.items()
    ]
    answer(json, figures, lambda: table(rows, model.name))
    raise typer.Exit(int(bool(found.differences)))
