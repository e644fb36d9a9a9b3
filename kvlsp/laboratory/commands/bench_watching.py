"""``kvlsp bench watching``: what it costs a key that somebody watches."""

from __future__ import annotations

from typing import Annotated

import typer

from kvlsp.cli.options import JsonOption, with_model_options
from kvlsp.cli.progress import bar, opened_ready
from kvlsp.config import Settings
from kvlsp.laboratory.commands.choices import ProcessorTimeOption, numbers
from kvlsp.laboratory.commands.tables import answer, table
from kvlsp.laboratory.commands.texts import FileArgument, document


@with_model_options()
def watching(
    settings: Settings,
    file: FileArgument = None,
    sizes: Annotated[str, typer.Option(help="Sizes of the document in tokens.")] = "2000,7500",
    keys: Annotated[int, typer.Option(min=2, help="Letters that are typed.")] = 200,
    processor_time: ProcessorTimeOption = False,
    json: JsonOption = False,
) -> None:
    """A key with its suggestion, while nobody watches and while somebody does."""
    import time

    from kvlsp.laboratory.evaluation import watched as measuring
    from kvlsp.laboratory.evaluation.gestures import first_tokens

    loaded = opened_ready(settings)
    texts = [first_tokens(loaded, document(file), size) for size in numbers(sizes)]
    with bar("keys", keys * len(texts)) as advance:
        found = [measuring.measure(loaded, text, settings, keys=keys, advance=advance,
                                   clock=time.process_time if processor_time else time.perf_counter) for text in texts]
    answer(json, {"watching": found, "model": loaded.description}, lambda: table(found, loaded.description, turn=True))
