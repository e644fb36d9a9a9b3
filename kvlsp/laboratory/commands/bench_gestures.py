"""``kvlsp bench gestures`` and ``growth``: what an edit costs, by what it does and by the size of the document."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kvlsp.cli.options import JsonOption, with_model_options
from kvlsp.config import Settings
from kvlsp.laboratory.commands.choices import numbers
from kvlsp.laboratory.commands.tables import answer, table
from kvlsp.laboratory.commands.texts import FileArgument, document

RepeatsOption = Annotated[int, typer.Option(min=1, help="Runs of which the median is taken.")]


@with_model_options()
def gestures(
    settings: Settings,
    file: FileArgument = None,
    tokens: Annotated[int, typer.Option(help="Cut or repeat the document to about this many tokens; 0: as it is.")] = 0,
    repeats: RepeatsOption = 5,
    plot: Annotated[Path | None, typer.Option(help="Draw the rows into this PNG file.")] = None,
    json: JsonOption = False,
) -> None:
    """Rows encoded and milliseconds per editing gesture, beside exact-prefix reuse and a full prefill."""
    from kvlsp.laboratory.evaluation import gestures as measuring
    from kvlsp.laboratory.evaluation import gestures_plot
    from kvlsp.laboratory.evaluation.edits_plot import require
    from kvlsp.opening.model import open_model

    if plot is not None:
        require()
    loaded, text = open_model(settings), document(file)
    if tokens:
        text = measuring.first_tokens(loaded, text, tokens)
    figures = measuring.measure(loaded, text, repeats=repeats)
    if plot is not None:
        gestures_plot.draw(figures, plot)
    rows = [
        {"gesture": run["gesture"], "encoded": run["encoded"], "moved": run["moved"], "ms": run["milliseconds"],
         "prefill / repair": run["prefill_ratio"], "prefix-first reuse": run["prefix_reuse"]["prefix_first"],
         "suffix-first reuse": run["prefix_reuse"]["suffix_first"]}
        for run in figures["gestures"]
    ]
    title = f"{figures['document_tokens']} tokens, full prefill {figures['prefill_ms']} ms"
    answer(json, figures, lambda: table(rows, title, turn=True))


@with_model_options()
def growth(
    settings: Settings,
    file: FileArgument = None,
    sizes: Annotated[str, typer.Option(help="Sizes of the document in tokens.")] = "2000,4000,7500",
    repeats: RepeatsOption = 5,
    json: JsonOption = False,
) -> None:
    """A one-line edit at the top of ever longer documents: what is encoded does not grow."""
    from kvlsp.laboratory.evaluation import gestures as measuring
    from kvlsp.opening.model import open_model

    rows = measuring.growth(open_model(settings), document(file), numbers(sizes), repeats=repeats)
    answer(json, {"growth": rows}, lambda: table(rows, "insert a line at the top", turn=True))
