"""``kvlsp evaluate repetition``: what the grammar penalty does to loops, and to what is no loop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kvlsp.cli.held_out import FromOption, held_out
from kvlsp.cli.options import DeviceOption, DtypeOption, JsonOption, ModelOption, ThreadsOption, print_json, settings_of
from kvlsp.cli.progress import bar


def repetition(
    model: ModelOption = "",
    limit: Annotated[
        int | None, typer.Option(help="So many looping prompts and holes; 200 and 300 if left out.", min=1)
    ] = None,
    seed: Annotated[int, typer.Option(help="Which prompts are drawn.")] = 0,
    data: Annotated[Path | None, typer.Option(help="Folder of the HumanEval-Infilling files.")] = None,
    from_: FromOption = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = 0,
    json: JsonOption = False,
) -> None:
    """Prompts that make the model loop: greedy, a plain repetition penalty, the grammar penalty."""
    from kvlsp.engine.model import open_model
    from kvlsp.evaluation import repetition as measuring
    from kvlsp.evaluation.repetition_prompts import candidates, holes

    settings = settings_of(model=model, device=device, dtype=dtype, threads=threads)
    loaded = open_model(settings)
    wanted, ordinary = limit or 200, limit or 300
    files = held_out(from_)
    with bar("looking for loops", wanted) as advance:
        prompts = measuring.looping(loaded, candidates(files, seed), wanted, advance=advance)
    problems = holes(ordinary, data, files)
    with bar("three policies", len(prompts) + len(problems)) as advance:
        table: dict[str, Any] = measuring.measure(loaded, prompts, problems, strength=settings.penalty, advance=advance)
    if json:
        print_json({**table, "prompts": len(prompts), "holes": len(problems), "model": loaded.description})
        return
    from rich.console import Console
    from rich.table import Table

    shown = Table("policy", *next(iter(table.values())), title=f"{len(prompts)} loops, {len(problems)} holes")
    for policy, row in table.items():
        shown.add_row(policy, *map(str, row.values()))
    Console().print(shown)
