"""``kvlsp bench forward``: one forward of kvlsp's decoder beside stock transformers."""

from __future__ import annotations

from typing import Annotated

import typer

from kvlsp.cli.options import JsonOption, with_model_options
from kvlsp.config import Settings
from kvlsp.laboratory.commands.choices import ProcessorTimeOption, numbers
from kvlsp.laboratory.commands.tables import answer, table


@with_model_options()
def forward(
    settings: Settings,
    context: Annotated[int, typer.Option(min=16, help="How many tokens are resident.")] = 2048,
    rows: Annotated[str, typer.Option(help="How many rows a forward has; several, separated by commas.")] = "1,8",
    repeats: Annotated[int, typer.Option(min=3)] = 30,
    processor_time: ProcessorTimeOption = False,
    json: JsonOption = False,
) -> None:
    """One forward of kvlsp's decoder beside stock transformers, in the same precision."""
    import time

    from kvlsp import default_model
    from kvlsp.laboratory.evaluation.forward import measure
    from kvlsp.opening.threads import use

    use(settings.threads)
    model = settings.model or default_model.folder()
    figures = measure(model, context, numbers(rows), settings.device, settings.dtype, repeats,
                      time.process_time if processor_time else time.perf_counter)
    runs = [{"rows": count, **run} for count, run in figures["rows"].items()]
    answer(json, figures, lambda: table(runs, figures["model"], turn=True))
