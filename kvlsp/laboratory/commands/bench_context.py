"""``kvlsp bench context``: what it costs to have other files stand before a document."""

from __future__ import annotations

from typing import Annotated

import typer

from kvlsp.cli.options import JsonOption, with_model_options
from kvlsp.cli.progress import opened
from kvlsp.config import Settings
from kvlsp.laboratory.commands.tables import answer, table
from kvlsp.laboratory.commands.texts import FileArgument
from kvlsp.laboratory.commands.texts import document as read


@with_model_options()
def context(
    settings: Settings,
    file: FileArgument = None,
    document: Annotated[int, typer.Option(min=16, help="Cut or repeat the document to about this many tokens.")] = 1000,
    tokens: Annotated[int, typer.Option(min=64, help="Tokens of other files, in four pieces.")] = 1500,
    budget: Annotated[int, typer.Option(min=1, help="How many stale rows are encoded along.")] = 64,
    repeats: Annotated[int, typer.Option(min=1)] = 5,
    json: JsonOption = False,
) -> None:
    """Rows and milliseconds until the first token with context of other files, beside a full prefill."""
    from kvlsp.laboratory.evaluation.placing import measure

    loaded = opened(settings)
    text, others = read(file), read(None)
    if file is None:  # not the same text on both sides
        text, others = text[len(text) // 2 :], text[: len(text) // 2]
    figures = measure(loaded, text, others, document=document, context=tokens, budget=budget, repeats=repeats)
    title = (f"{figures['context_tokens']} tokens of other files before {figures['document_tokens']} of the document; "
             f"encoding them once took {figures['first_encoding_ms']} ms")
    answer(json, figures, lambda: table(figures["cases"], title))
