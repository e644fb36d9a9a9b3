"""``kvlsp bench llama``: what llama.cpp takes for kvlsp's forwards, by the bits of the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kvlsp.cli.options import JsonOption
from kvlsp.laboratory.commands.tables import answer, table


def llama(
    checkpoint: Annotated[Path, typer.Argument(help="A folder of Llama's or Qwen2's shape (kvlsp bench checkpoint).")],
    kinds: Annotated[str, typer.Option(help="Weights: f32, f16, q8_0, q4_0, separated by commas.")] = "q4_0,q8_0,f16",
    pre: Annotated[str, typer.Option(help="llama.cpp's name of how the tokenizer splits words.")] = "qwen2",
    context: Annotated[int, typer.Option(min=64, help="How many tokens are resident.")] = 2000,
    repeats: Annotated[int, typer.Option(min=1)] = 5,
    threads: Annotated[int, typer.Option(min=1)] = 1,
    json: JsonOption = False,
) -> None:
    """A checkpoint as GGUF files: seconds of the processor for a prefill, a token, six rows, an edit in the middle."""
    from kvlsp.laboratory.evaluation.llama import measure
    from kvlsp.opening.threads import use

    use(threads)
    found = measure(checkpoint, [kind.strip() for kind in kinds.split(",")], pre, context=context, repeats=repeats,
                    say=lambda what: typer.echo(what, err=True))
    answer(json, {"llama": found}, lambda: table(found, f"{checkpoint.name}, {context} tokens, {threads} threads"))
