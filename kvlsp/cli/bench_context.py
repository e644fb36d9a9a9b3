"""``kvlsp bench context``: what it costs to have other files stand before a document."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kvlsp.cli.options import (
    DeviceOption,
    DtypeOption,
    JsonOption,
    ModelOption,
    ThreadsOption,
    print_json,
    settings_of,
)


def context(
    file: Annotated[Path | None, typer.Argument(help="The document; files of kvlsp's own if left out.")] = None,
    document: Annotated[int, typer.Option(min=16, help="Cut or repeat the document to about so many tokens.")] = 1000,
    tokens: Annotated[int, typer.Option(min=64, help="Tokens of other files, in four pieces.")] = 1500,
    budget: Annotated[int, typer.Option(min=1, help="Stale rows encoded again along with a placing.")] = 64,
    repeats: Annotated[int, typer.Option(min=1)] = 5,
    model: ModelOption = "",
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = 0,
    json: JsonOption = False,
) -> None:
    """Rows and milliseconds until the first token with context of other files, beside a full prefill."""
    from rich.console import Console
    from rich.table import Table

    from kvlsp.cli.bench import document as read
    from kvlsp.engine.model import open_model
    from kvlsp.evaluation.placing import measure

    loaded = open_model(settings_of(model=model, device=device, dtype=dtype, threads=threads))
    text, others = read(file), read(None)
    if file is None:  # not the same text on both sides
        text, others = text[len(text) // 2 :], text[: len(text) // 2]
    figures = measure(loaded, text, others, document=document, context=tokens, budget=budget, repeats=repeats)
    if json:
        print_json(figures)
        return
    table = Table(*figures["cases"][0], title=(
        f"{figures['context_tokens']} tokens of other files before {figures['document_tokens']} of the document; "
        f"encoding them once took {figures['first_encoding_ms']} ms"))
    for row in figures["cases"]:
        table.add_row(*(str(value) for value in row.values()))
    Console().print(table)
