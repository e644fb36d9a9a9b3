"""``kvlsp evaluate``: how good a model's completions are, as tables or JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kvlsp.cli.evaluate_crossfile import crossfile
from kvlsp.cli.evaluate_edits import edits, waiting
from kvlsp.cli.options import (
    DeviceOption,
    DtypeOption,
    JsonOption,
    ModelOption,
    ThreadsOption,
    print_json,
    settings_of,
)
from kvlsp.cli.progress import bar

if TYPE_CHECKING:
    from kvlsp.default_model.corpus import SourceFile
    from kvlsp.evaluation.infill import Complete

app = typer.Typer(help="Measure the quality of completions.", no_args_is_help=True)
app.command()(edits)
app.command()(waiting)
app.command()(crossfile)

FromOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--from",
        help="Folder with installed held-out packages, or a corpus.jsonl; repeat.",
        show_default=False,
    ),
]
KINDS = ("single_line", "random_span")


@app.command()
def infill(
    model: ModelOption = "",
    limit: Annotated[int | None, typer.Option(help="Only so many problems of each kind, evenly spread.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="single_line, random_span; both if left out.")] = None,
    plain: Annotated[bool, typer.Option("--plain", help="The bare model: greedy, no rules of the engine.")] = False,
    baselines: Annotated[bool, typer.Option(help="Score copying and the 5-gram model, too.")] = True,
    corpus: Annotated[list[Path] | None, typer.Option(help="Folder or corpus.jsonl of the 5-gram model.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the HumanEval-Infilling files.")] = None,
    samples: Annotated[int, typer.Option(help="Instead: show completions at so many real places.")] = 0,
    from_: FromOption = None,
    seed: Annotated[int, typer.Option(help="Which places --samples draws.")] = 0,
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = 0,
    json: JsonOption = False,
) -> None:
    """Fill the holes of HumanEval-Infilling: exact match and pass rate, beside two baselines."""
    settings = settings_of(model=model, device=device, dtype=dtype, threads=threads)
    completer = _plain(model) if plain else _engine(settings)
    if samples:
        _show_samples(completer(True), samples, from_, seed, json)
        return
    from kvlsp.evaluation.problems import data_folder, load_problems

    folder = data_folder(data)
    problems = {name: load_problems(name, folder, limit) for name in kind or KINDS}
    table = _scores("model", problems, completer)
    if baselines:
        table["baselines"] = {
            name: _scores(name, problems, partial(_same, complete))
            for name, complete in _baselines(model, corpus or []).items()
        }
    if json:
        print_json(table)
    else:
        _print_scores(table)


@app.command()
def perplexity(
    model: ModelOption = "",
    from_: FromOption = None,
    windows: Annotated[int, typer.Option(help="Places at which 256 tokens are scored.")] = 64,
    places: Annotated[int, typer.Option(help="Holes for the loss of the middle; 0 leaves it out.")] = 150,
    threads: ThreadsOption = 0,
    json: JsonOption = False,
) -> None:
    """Bits per byte of held-out packages at 512, 2,048 and 8,192 tokens; loss of middles without and with
    suffix.
    """
    from kvlsp.engine.threads import use
    from kvlsp.evaluation import perplexity as measuring
    from kvlsp.evaluation.scorer import Scorer, laid_out

    use(threads)
    files = held_out(from_)
    scorer = Scorer(_folder(model))
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
    if json:
        print_json({"perplexity": result})
        return
    from rich.console import Console
    from rich.table import Table

    shown = Table("measure", "value", title=f"held out: {', '.join(result['held_out'])}")
    for context, value in bits.items():
        shown.add_row(f"bits per byte at {context:,} tokens", f"{value:.3f}")
    for order, loss in result.get("middle_loss", {}).items():
        shown.add_row(
            f"nats per token of a middle, {order}",
            f"{loss['with_suffix']:.3f} with the suffix, {loss['without_suffix']:.3f} without",
        )
    Console().print(shown)


@app.command()
def repetition(
    model: ModelOption = "",
    limit: Annotated[
        int | None, typer.Option(help="So many looping prompts and holes; 200 and 300 if left out.", min=1)
    ] = None,
    seed: Annotated[int, typer.Option(help="Which prompts are drawn.")] = 0,
    data: Annotated[Path | None, typer.Option(help="Folder of the HumanEval-Infilling files.")] = None,
    from_: FromOption = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = 0,
    json: JsonOption = False,
) -> None:
    """Prompts that make the model loop: greedy, a plain repetition penalty, the grammar penalty."""
    from kvlsp.engine.model import open_model
    from kvlsp.evaluation import repetition as measuring
    from kvlsp.evaluation.decode_prompts import own_sources
    from kvlsp.evaluation.repetition_prompts import candidates, holes

    settings = settings_of(model=model, device=device, dtype=dtype, threads=threads)
    loaded = open_model(settings)
    wanted, ordinary = limit or 200, limit or 300
    with bar("looking for loops", wanted) as advance:
        prompts = measuring.looping(loaded, candidates(held_out(from_), seed), wanted, advance=advance)
    problems = holes(ordinary, data, own_sources())
    with bar("three policies", len(prompts) + len(problems)) as advance:
        table: dict[str, Any] = measuring.measure(loaded, prompts, problems, strength=settings.penalty, advance=advance)
    if json:
        print_json({**table, "prompts": len(prompts), "holes": len(problems), "model": loaded.description})
        return
    from rich.console import Console
    from rich.table import Table

    shown = Table("policy", *next(iter(table.values())), title=f"{len(prompts)} loops, {len(problems)} holes")
    for policy, row in table.items():
        shown.add_row(policy, *map(str, row.values()))
    Console().print(shown)


@app.command()
def confidence(
    count: Annotated[int, typer.Option(help="How many places.", min=1)] = 300,
    model: ModelOption = "",
    from_: FromOption = None,
    seed: Annotated[int, typer.Option(help="Which places are drawn.")] = 0,
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = 0,
    json: JsonOption = False,
) -> None:
    """How many suggestions a threshold on confidence leaves (setting `confidence`), and how many of those are right."""
    from kvlsp.engine.model import open_model
    from kvlsp.evaluation import confidence as measuring
    from kvlsp.evaluation.decode_prompts import ordinary

    settings = settings_of(model=model, device=device, dtype=dtype, threads=threads)
    loaded = open_model(settings)
    with bar("places", count) as advance:
        judged = measuring.judge(loaded, ordinary(held_out(from_), count, settings, seed), settings, advance=advance)
    if json:
        print_json({**measuring.as_json(judged), "model": loaded.description})
        return
    from rich.console import Console
    from rich.table import Table

    rows = measuring.table(judged)
    shown = Table(*rows[0], title=f"{count} places, {loaded.description}")
    for row in rows:
        shown.add_row(*(f"{value:.1%}" if name != "threshold" else str(value) for name, value in row.items()))
    Console().print(shown)


@app.command()
def places(
    count: Annotated[int, typer.Option(help="How many places.", min=1)] = 30,
    model: ModelOption = "",
    from_: FromOption = None,
    seed: Annotated[int, typer.Option(help="Which places are drawn.")] = 0,
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = 0,
    json: JsonOption = False,
) -> None:
    """What is offered at real places, and why generation stopped there."""
    from kvlsp.engine.model import open_model
    from kvlsp.evaluation.places import report

    settings = settings_of(model=model, device=device, dtype=dtype, threads=threads)
    loaded = open_model(settings)
    with bar("places", count) as advance:
        found = report(loaded, held_out(from_), count, settings, seed=seed, advance=advance)
    if json:
        print_json({"places": [asdict(place) for place in found], "model": loaded.description})
        return
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    columns = [Column(title, overflow="fold") for title in ("place", "offered at |>", "stopped by")]
    shown = Table(*columns, title=loaded.description, show_lines=True)
    for place in found:
        line = f"{place.before}|>{place.offered}|>{place.after}" if place.offered else f"{place.before}|>{place.after}"
        shown.add_row(Text(place.place), Text(line.strip()), Text(place.reason or place.stop))
    Console().print(shown)


def held_out(sources: Sequence[Path] | None) -> list[SourceFile]:
    """Held-out files below the folders (default: this interpreter's packages) or of a saved corpus.

    Raises :class:`kvlsp.errors.ConfigurationError` when none is installed.
    """
    from kvlsp.default_model.corpus import default_folders, held_out_files, load_corpus
    from kvlsp.default_model.deny_list import HELD_OUT_PACKAGES
    from kvlsp.errors import ConfigurationError

    if sources and sources[0].suffix == ".jsonl":
        files = list(load_corpus(sources[0]).held_out)
    else:
        files = held_out_files(sources or default_folders())
    if not files:
        raise ConfigurationError(
            f"None of the held-out packages ({', '.join(HELD_OUT_PACKAGES)}) is installed here. "
            "Install one or name a folder with --from."
        )
    return files


def _folder(model: str) -> Path | None:
    from kvlsp.errors import ConfigurationError

    if model and not Path(model).is_dir():
        raise ConfigurationError(f"{model} is no folder. This measurement needs a model's folder on disk.")
    return Path(model) if model else None


def _plain(model: str) -> Callable[[bool], Complete]:
    from kvlsp.evaluation.scorer import Scorer

    scorer = Scorer(_folder(model))
    return lambda single_line: lambda prefix, suffix: scorer.complete(prefix, suffix, single_line)


def _engine(settings: Any) -> Callable[[bool], Complete]:
    from kvlsp.engine.model import open_model
    from kvlsp.evaluation.completers import engine_completer

    loaded = open_model(settings)
    return lambda single_line: engine_completer(loaded, settings, single_line)


def _baselines(model: str, corpus: Sequence[Path]) -> dict[str, Complete]:
    from platformdirs import user_cache_path

    from kvlsp import default_model
    from kvlsp.evaluation.baselines import NgramBaseline, copy_from_file
    from kvlsp.evaluation.ngram_table import ngram_model
    from kvlsp.tokens.tokenizer import Tokenizer

    folder = _folder(model) or default_model.folder()
    tokenizer = Tokenizer.load(folder)
    table = ngram_model(tokenizer, folder / "tokenizer.json", corpus, user_cache_path("kvlsp"))
    return {"copy": copy_from_file, "ngram": NgramBaseline(table, tokenizer)}


def _same(complete: Complete, single_line: bool) -> Complete:
    """A baseline answers both kinds of problems alike."""
    return complete


def _scores(name: str, problems: Mapping[str, Sequence[Any]], completer: Callable[[bool], Complete]) -> dict[str, Any]:
    from kvlsp.evaluation.infill import Score, answers

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
    from kvlsp.evaluation.samples import draw_samples

    found = draw_samples(held_out(sources), complete, count, seed)
    if json:
        print_json({"samples": [asdict(sample) for sample in found]})
    else:
        for number, sample in enumerate(found, 1):
            typer.echo(f"{number}. {sample}")
