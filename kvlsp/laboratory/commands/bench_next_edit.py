"""``kvlsp bench next-edit``: the first place of a next edit, from rest, beside a plain refresh."""

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
def next_edit(
    settings: Settings,
    file: FileArgument = None,
    sizes: Annotated[str, typer.Option(help="Sizes of the document in tokens.")] = "1000,2000,4000",
    repeats: RepeatsOption = 3,
    processor_time: ProcessorTimeOption = False,
    json: JsonOption = False,
) -> None:
    """From rest after a rename to the first place proposed; beside the refresh that the same edit needs anyway."""
    import time

    from kvlsp.laboratory.evaluation import next_edit_cost as measuring
    from kvlsp.laboratory.evaluation.opened import documents

    loaded = opened_ready(settings)
    texts = documents(loaded, document(file), numbers(sizes), 0)
    with bar("runs", repeats * len(texts)) as advance:
        found = measuring.measure(loaded, texts, settings, repeats=repeats, advance=advance,
                                  clock=time.process_time if processor_time else time.perf_counter)
    rows = [
        {"characters": row["characters"], "found": row["found"],
         "plain rows / forwards": f"{row['plain_rows']} / {row['plain_forwards']}", "ms": row["plain_ms"],
         "to the place": f"{row['place_rows']} / {row['place_forwards']}", "ms ": row["place_ms"],
         "in all": f"{row['whole_rows']} / {row['whole_forwards']}", "ms  ": row["whole_ms"],
         "place, times rows": row["rows_times"], "forwards": row["forwards_times"], "ms, times": row["ms_times"]}
        for row in found
    ]
    answer(json, {"next_edit": found, "model": loaded.description},
           lambda: table(rows, loaded.description, turn=True))
