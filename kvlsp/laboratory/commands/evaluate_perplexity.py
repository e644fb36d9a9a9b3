"""``kvlsp evaluate perplexity``: bits per byte by context length, and whether the suffix is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import typer

from kvlsp.cli.options import JsonOption, ModelOption, ThreadsOption
from kvlsp.cli.progress import bar
from kvlsp.laboratory.commands.choices import model_folder
from kvlsp.laboratory.commands.held_out import FromOption, held_out
from kvlsp.laboratory.commands.tables import answer, table


def perplexity(
    model: ModelOption = "",
    from_: FromOption = None,
    windows: Annotated[int, typer.Option(help="At how many places 256 tokens are scored.")] = 64,
    places: Annotated[int, typer.Option(help="How many holes the loss of middles is measured on; 0: none.")] = 150,
    threads: ThreadsOption = 0,
    json: JsonOption = False,
) -> None:
    """Bits per byte of held-out packages at 512, 2,048 and 8,192 tokens; loss of middles with and without suffix."""
    from kvlsp.laboratory.evaluation import perplexity as measuring
    from kvlsp.laboratory.evaluation.scorer import Scorer, laid_out
    from kvlsp.opening.threads import use

    use(threads)
    files = held_out(from_)
    scorer = Scorer(model_folder(model))
    with bar("tokenizing", len(files)) as advance:
        streams = measuring.streams(files, scorer.tokenizer, scorer.template, advance)
    contexts = measuring.possible_contexts(streams, scorer.context_length)
    with bar("bits per byte", windows * len(contexts)) as advance:
        bits = measuring.bits_per_byte(streams, scorer.losses, contexts, windows, advance)
    result: dict[str, Any] = {"bits_per_byte": bits}
    if places and scorer.template.order != "plain":
        orders: dict[str, Callable[[list[int], list[int]], list[int]]] = {
            order: partial(laid_out, replace(scorer.template, order=order)) for order in measuring.ORDERS
        }
        end = min(scorer.tokenizer.end_of_text)
        with bar("loss of middles", places) as advance:
            result["middle_loss"] = measuring.middle_loss(
                files, scorer.encode, scorer.losses, orders, end, places, advance=advance
            )
    result["held_out"] = sorted({file.package for file in files})
    answer(json, {"perplexity": result}, lambda: _show(result))


def _show(result: Mapping[str, Any]) -> None:
    rows = [{"measure": f"bits per byte at {context:,} tokens", "value": f"{value:.3f}"}
            for context, value in result["bits_per_byte"].items()]
    rows += [{"measure": f"nats per token of a middle, {order}",
              "value": f"{loss['with_suffix']:.3f} with the suffix, {loss['without_suffix']:.3f} without"}
             for order, loss in result.get("middle_loss", {}).items()]
    table(rows, f"held out: {', '.join(result['held_out'])}")
