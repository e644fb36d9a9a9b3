"""``kvlsp bench open``: the first suggestion in a document just opened, and its whole window, beside a prefill."""

from __future__ import annotations

from typing import Annotated

import typer

from kvlsp.cli.options import JsonOption, with_model_options
from kvlsp.cli.progress import bar, opened_ready
from kvlsp.config import Settings
from kvlsp.laboratory.commands.choices import ProcessorTimeOption, RepeatsOption, numbers
from kvlsp.laboratory.commands.tables import answer, table
from kvlsp.laboratory.commands.texts import FileArgument, document


@with_model_options()
def open_(
    settings: Settings,
    file: FileArgument = None,
    sizes: Annotated[str, typer.Option(help="Sizes of the document in tokens.")] = "1000,4000,8000",
    characters: Annotated[int, typer.Option(help="One more document, of so many characters; 0: none.")] = 1_000_000,
    repeats: RepeatsOption = 3,
    processor_time: ProcessorTimeOption = False,
    json: JsonOption = False,
) -> None:
    """From opening a document to its first suggestion and to its whole window, exact; beside a plain prefill."""
    import time

    from kvlsp.laboratory.evaluation import opened as measuring

    loaded = opened_ready(settings)
    texts = measuring.documents(loaded, document(file), numbers(sizes), characters)
    with bar("runs", repeats * len(texts)) as advance:
        found = measuring.measure(loaded, texts, settings, repeats=repeats, advance=advance,
                                  clock=time.process_time if processor_time else time.perf_counter)
    rows = [
        {"tokens": row["document_tokens"], "first logits ms": row["logits_ms"], "suggestion ms": row["answer_ms"],
         "whole, exact ms": row["whole_ms"], "prefill ms": row["prefill_ms"], "same forwards ms": row["alike_ms"],
         "window rows": row["window_rows"], "rows before": row["first_rows"], "rows in all": row["whole_rows"],
         "rows, times": row["rows_times"], "ms, times": row["whole_times"]}
        for row in found
    ]
    answer(json, {"open": found, "model": loaded.description}, lambda: table(rows, loaded.description, turn=True))
