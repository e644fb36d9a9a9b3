"""``kvlsp bench gpu``: models of real size on a GPU, beside measured ceilings.

The same runs without kvlsp's other dependencies as ``python -m kvlsp.laboratory.evaluation.gpu_bench``.
"""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

from kvlsp.cli.options import JsonOption
from kvlsp.errors import ConfigurationError
from kvlsp.laboratory.commands.choices import numbers
from kvlsp.laboratory.commands.tables import answer


def gpu(
    models: Annotated[str, typer.Option(help="Names, separated by commas; if left out, all.")] = "",
    contexts: Annotated[str, typer.Option(help="Resident tokens of forwards, separated by commas.")] = "",
    rows: Annotated[str, typer.Option(help="Rows of forwards, separated by commas.")] = "",
    editing: Annotated[str, typer.Option(help="Document sizes for editing, separated by commas.")] = "",
    repeats: Annotated[int, typer.Option(min=0, help="Runs of which the median is taken; 0: the usual number.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Run every step with tiny shapes on the CPU.")] = False,
    output: Annotated[Path | None, typer.Option(help="Also write JSON to this file, after every model.")] = None,
    json: JsonOption = False,
) -> None:
    """Models of real size with random weights on a GPU: right first, then timed beside measured ceilings."""
    from kvlsp.laboratory.evaluation import gpu_bench
    from kvlsp.laboratory.evaluation.gpu_shapes import SHAPES

    named = tuple(models.split(",")) if models else tuple(SHAPES)
    if unknown := set(named) - set(SHAPES):
        raise ConfigurationError(
            f"There is no model {', '.join(sorted(unknown))} to measure. Choose from {', '.join(SHAPES)}."
        )
    lengths, counts, sizes = (numbers(given) if given else None for given in (contexts, rows, editing))
    extent = gpu_bench.chosen(dry_run, named, lengths, counts, sizes, repeats or None)
    figures = gpu_bench.measure(extent, dry_run, output)
    if output is not None:
        output.write_text(json_format.dumps(figures, indent=1) + "\n", encoding="utf-8")
    answer(json, figures, lambda: typer.echo(gpu_bench.text(figures)))
    if not gpu_bench.right(figures):
        raise typer.Exit(1)
