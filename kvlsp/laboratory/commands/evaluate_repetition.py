"""``kvlsp evaluate repetition``: what the grammar penalty does to loops, and to what is no loop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kvlsp.cli.options import JsonOption, with_model_options
from kvlsp.cli.progress import bar, opened
from kvlsp.config import Settings
from kvlsp.laboratory.commands.held_out import FromOption, held_out
from kvlsp.laboratory.commands.tables import answer, table


@with_model_options()
def repetition(
    settings: Settings,
    limit: Annotated[
        int | None, typer.Option(help="How many looping prompts and how many holes; if left out, 200 and 300.", min=1)
    ] = None,
    seed: Annotated[int, typer.Option(help="Which prompts are drawn.")] = 0,
    data: Annotated[Path | None, typer.Option(help="Folder of the HumanEval-Infilling files.")] = None,
    from_: FromOption = None,
    json: JsonOption = False,
) -> None:
    """Prompts that make the model loop: greedy decoding, a plain repetition penalty, the grammar penalty."""
    from kvlsp.laboratory.evaluation import repetition as measuring
    from kvlsp.laboratory.evaluation.repetition_prompts import candidates, holes

    loaded = opened(settings)
    wanted, ordinary = limit or 200, limit or 300
    files = held_out(from_)
    with bar("looking for loops", wanted) as advance:
        prompts = measuring.looping(loaded, candidates(files, seed), wanted, advance=advance)
    problems = holes(ordinary, data, files)
    with bar("three policies", len(prompts) + len(problems)) as advance:
        policies = measuring.measure(loaded, prompts, problems, strength=settings.penalty, advance=advance)
    figures = {**policies, "prompts": len(prompts), "holes": len(problems), "model": loaded.description}
    rows = [{"policy": policy, **row} for policy, row in policies.items()]
    answer(json, figures, lambda: table(rows, f"{len(prompts)} loops, {len(problems)} holes"))
