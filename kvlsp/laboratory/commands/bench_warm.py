"""``kvlsp bench warm``: a file that was open before, opened again; and ``kvlsp bench checkpoint``, a model for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kvlsp.cli.options import JsonOption, with_model_options
from kvlsp.cli.progress import opened_ready
from kvlsp.config import Settings
from kvlsp.laboratory.commands.tables import answer, table
from kvlsp.laboratory.commands.texts import FileArgument, document


@with_model_options()
def warm(
    settings: Settings,
    file: FileArgument = None,
    tokens: Annotated[int, typer.Option(min=64, help="Size of the document in tokens.")] = 4000,
    hunks: Annotated[int, typer.Option(min=0, help="Hunks of the branch switch.")] = 20,
    wall: Annotated[
        bool, typer.Option("--wall", help="Measure seconds that pass, on a quiet machine; else those of the processor.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """From opening a file that was open before to its first suggestion, unchanged and after a branch switch."""
    import time

    from kvlsp.laboratory.evaluation import warm as measuring

    loaded = opened_ready(settings)
    found = measuring.measure(loaded, document(file), tokens, settings, hunks=hunks,
                              clock=time.perf_counter if wall else time.process_time,
                              say=lambda what: typer.echo(what, err=True))
    rows = [{"what": name, "figure": value} for name, value in found.items()]
    answer(json, {"warm": found, "model": loaded.description}, lambda: table(rows, loaded.description))


def checkpoint(
    shape: Annotated[str, typer.Argument(help="qwen2.5-coder-0.5b, qwen2.5-coder-1.5b, ...")],
    folder: Annotated[Path, typer.Argument(help="Where to write it.")],
    vocabulary: Annotated[Path, typer.Option(help="A folder with the tokenizer.json of such a model.")],
) -> None:
    """Write a checkpoint of real size with random weights, to measure on."""
    from kvlsp.laboratory.evaluation.made_checkpoint import make

    typer.echo(f"{make(shape, folder, vocabulary):,} parameters in {folder}")
