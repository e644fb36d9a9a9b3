"""``kvlsp evaluate infill``: HumanEval-Infilling beside two baselines, or samples of real places."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kvlsp.cli.options import JsonOption, print_json, with_model_options
from kvlsp.cli.progress import bar, opened
from kvlsp.config import Settings
from kvlsp.laboratory.commands.choices import model_folder
from kvlsp.laboratory.commands.held_out import FromOption, held_out
from kvlsp.laboratory.commands.tables import answer

if TYPE_CHECKING:
    from kvlsp.laboratory.evaluation.infill import Complete

KINDS = ("single_line", "random_span")


@with_model_options()
def infill(
    settings: Settings,
    limit: Annotated[int | None, typer.Option(help="Only this many problems of each kind, spread evenly.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="single_line or random_span; if left out, both.")] = None,
    plain: Annotated[bool, typer.Option("--plain", help="The bare model, without the engine's rules.")] = False,
    baselines: Annotated[bool, typer.Option(help="Also score copying and a 5-gram model.")] = True,
    corpus: Annotated[list[Path] | None, typer.Option(help="Folder or corpus.jsonl for the 5-gram model.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the HumanEval-Infilling files.")] = None,
    samples: Annotated[int, typer.Option(help="Show completions at this many real places instead.")] = 0,
    from_: FromOption = None,
    seed: Annotated[int, typer.Option(help="Which places --samples draws.")] = 0,
    json: JsonOption = False,
) -> None:
    """Fill the holes of HumanEval-Infilling: exact match and pass rate, beside two baselines."""
    completer = _plain(settings.model) if plain else _engine(settings)
    if samples:
        _show_samples(completer(True), samples, from_, seed, json)
        return
    from kvlsp.laboratory.evaluation.problems import data_folder, load_problems

    folder = data_folder(data)
    problems = {name: load_problems(name, folder, limit) for name in kind or KINDS}
    table = _scores("model", problems, completer)
    if baselines:
        table["baselines"] = {
            name: _scores(name, problems, partial(_same, complete))
            for name, complete in _baselines(settings.model, corpus or []).items()
        }
    answer(json, table, lambda: _print_scores(table))


def _plain(model: str) -> Callable[[bool], Complete]:
    from kvlsp.laboratory.evaluation.scorer import Scorer

    scorer = Scorer(model_folder(model))
    return lambda single_line: lambda prefix, suffix: scorer.complete(prefix, suffix, single_line)


def _engine(settings: Any) -> Callable[[bool], Complete]:
    from kvlsp.laboratory.evaluation.completers import engine_completer

    loaded = opened(settings)
    return lambda single_line: engine_completer(loaded, settings, single_line)


def _baselines(model: str, corpus: Sequence[Path]) -> dict[str, Complete]:
    from platformdirs import user_cache_path

    from kvlsp import default_model
    from kvlsp.laboratory.evaluation.baselines import NgramBaseline, copy_from_file
    from kvlsp.laboratory.evaluation.ngram_table import ngram_model
    from kvlsp.tokens.tokenizer import Tokenizer

    folder = model_folder(model) or default_model.folder()
    tokenizer = Tokenizer.load(folder)
    table = ngram_model(tokenizer, folder / "tokenizer.json", corpus, user_cache_path("kvlsp"))
    return {"copy": copy_from_file, "ngram": NgramBaseline(table, tokenizer)}


def _same(complete: Complete, single_line: bool) -> Complete:
    """A baseline answers both kinds of problems alike."""
    return complete


def _scores(name: str, problems: Mapping[str, Sequence[Any]], completer: Callable[[bool], Complete]) -> dict[str, Any]:
    from kvlsp.laboratory.evaluation.infill import Score, answers

    table: dict[str, Any] = {}
    for kind, listed in problems.items():
        single_line = kind == "single_line"
        with bar(f"{name}, {kind}", len(listed)) as advance:
            found = answers(listed, completer(single_line), single_line, advance=advance)
        table[kind] = asdict(Score.of(found))
    return table


def _print_scores(table: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table("completer", "problems", "count", "exact match %", "pass rate %")
    rows = {"model": table, **table.get("baselines", {})}
    for name, scores in rows.items():
        for kind in KINDS:
            if kind in scores:
                score = scores[kind]
                shown.add_row(
                    name,
                    kind,
                    str(score["problems"]),
                    f"{score['exact_match']:.2f}",
                    f"{score['pass_rate']:.2f}",
                )
    Console().print(shown)


def _show_samples(complete: Complete, count: int, sources: Sequence[Path] | None, seed: int, json: bool) -> None:
    from kvlsp.laboratory.evaluation.samples import draw_samples

    found = draw_samples(held_out(sources), complete, count, seed)
    if json:
        print_json({"samples": [asdict(sample) for sample in found]})
    else:
        for number, sample in enumerate(found, 1):
            typer.echo(f"{number}. {sample}")
