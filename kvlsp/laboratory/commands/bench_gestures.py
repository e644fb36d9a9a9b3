"""``kvlsp bench gestures`` and ``growth``: what an edit costs, by what it does and by the size of the document."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kvlsp.cli.options import JsonOption, with_model_options
from kvlsp.cli.progress import bar, opened
from kvlsp.config import Settings
from kvlsp.errors import ConfigurationError
from kvlsp.laboratory.commands.choices import RepeatsOption, numbers
from kvlsp.laboratory.commands.tables import answer, table
from kvlsp.laboratory.commands.texts import FileArgument, document

PlotOption = Annotated[Path | None, typer.Option(help="Draw a picture into this file, PNG or SVG.")]


@with_model_options()
def gestures(
    settings: Settings,
    file: FileArgument = None,
    tokens: Annotated[int, typer.Option(help="Cut or repeat the document to about this many tokens; 0: as it is.")] = 0,
    repeats: RepeatsOption = 5,
    only: Annotated[str, typer.Option(help="Only the gesture of this name.", show_default=False)] = "",
    plot: PlotOption = None,
    json: JsonOption = False,
) -> None:
    """Rows encoded and milliseconds per editing gesture, beside exact-prefix reuse and a full prefill."""
    from kvlsp.laboratory.evaluation import gestures as measuring
    from kvlsp.laboratory.evaluation import gestures_plot
    from kvlsp.laboratory.evaluation.plotting import require

    if only and only not in (names := [gesture.name for gesture in measuring.GESTURES]):
        raise ConfigurationError(f"There is no such gesture; there are: {', '.join(names)}.")
    if plot is not None:
        require()
    loaded, text = opened(settings), document(file)
    if tokens:
        text = measuring.first_tokens(loaded, text, tokens)
    with bar("gestures", measuring.steps(1 if only else len(measuring.GESTURES), repeats)) as advance:
        figures = measuring.measure(loaded, text, repeats=repeats, only=only, advance=advance)
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
    plot: PlotOption = None,
    json: JsonOption = False,
) -> None:
    """A one-line edit at the top of ever longer documents: what is encoded does not grow."""
    from kvlsp.laboratory.evaluation import gestures as measuring
    from kvlsp.laboratory.evaluation import gestures_plot
    from kvlsp.laboratory.evaluation.plotting import require

    if plot is not None:
        require()
    loaded, chosen = opened(settings), numbers(sizes)
    with bar("documents", measuring.steps(1, repeats) * len(chosen)) as advance:
        rows = measuring.growth(loaded, document(file), chosen, repeats=repeats, advance=advance)
    if plot is not None:
        gestures_plot.draw_growth(rows, plot)
    answer(json, {"growth": rows}, lambda: table(rows, "insert a line at the top", turn=True))
