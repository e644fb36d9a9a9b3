"""``kvlsp bench decode`` and ``overhead``: what drafts save in writing, and what the rules around a token cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kvlsp.cli.options import JsonOption, with_model_options
from kvlsp.cli.progress import bar, opened
from kvlsp.config import Settings
from kvlsp.laboratory.commands.held_out import held_out
from kvlsp.laboratory.commands.tables import answer, table


@with_model_options()
def decode(
    settings: Settings,
    limit: Annotated[int, typer.Option(min=1, help="How many prompts of each workload.")] = 60,
    repeats: Annotated[int, typer.Option(min=1, help="How often each prompt is run with and without drafts.")] = 3,
    seed: Annotated[int, typer.Option(help="Which prompts are drawn.")] = 0,
    json: JsonOption = False,
) -> None:
    """Tokens per second with and without drafts: rewriting, going on with tables, ordinary completions."""
    from kvlsp.laboratory.evaluation import decode as measuring
    from kvlsp.laboratory.evaluation import decode_prompts as prompts

    loaded = opened(settings)
    files = held_out(None)  # not kvlsp's own: those change with every commit, and the figures with them
    workloads = {
        "rewrite": prompts.rewrites(files, limit, settings, seed),
        "repetitive": prompts.repetitive(files, limit, settings, seed),
        "ordinary": prompts.ordinary(files, limit, settings, seed),
    }
    with bar("decoding", sum(map(len, workloads.values()))) as advance:
        figures = measuring.measure(loaded, workloads, repeats=repeats, advance=advance)
    figures["model"] = loaded.description
    rows = [{"workload": name, **row} for name, row in figures["workloads"].items()]
    answer(json, figures, lambda: table(rows, loaded.description, turn=True))


def overhead(
    carets: Annotated[int, typer.Option(min=1, help="How many places in each document.")] = 8,
    model: Annotated[str, typer.Option(help="Folder of a model; only its tokenizer is used.")] = "",
    json: JsonOption = False,
) -> None:
    """Microseconds per generated token of draft lookup, grammar penalty and stop rule, by document size."""
    from kvlsp import default_model
    from kvlsp.laboratory.evaluation import overhead as measuring
    from kvlsp.syntax.language import Language
    from kvlsp.tokens.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(Path(model) if model else default_model.folder())
    figures = measuring.measure(tokenizer, measuring.library_text(), Language.of("python"), carets=carets)
    rules = (*measuring.RULES, "total")
    rows = [{"tokens": row["document_tokens"], **{rule: row[rule]["median_us"] for rule in rules},
             "p99 of total": row["total"]["p99_us"], "beginning": row["begin_us"]} for row in figures["sizes"]]
    title = f"microseconds per generated token; growth {figures['growth']:.2f}"
    answer(json, figures, lambda: table(rows, title, turn=True))
