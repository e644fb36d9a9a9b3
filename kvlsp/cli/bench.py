"""``kvlsp bench``: what gestures cost, how repair grows, how fast forwards are. Ratios in one run, no verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kvlsp.cli.bench_context import context
from kvlsp.cli.bench_gpu import gpu
from kvlsp.cli.held_out import held_out
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

app = typer.Typer(help="Measure speed, as ratios within one run.", no_args_is_help=True)
app.command()(context)
app.command()(gpu)

FileArgument = Annotated[Path | None, typer.Argument(help="The document; a file of kvlsp's own if left out.")]


@app.command()
def gestures(
    file: FileArgument = None,
    tokens: Annotated[int, typer.Option(help="Cut or repeat the document to about so many tokens; 0: as it is.")] = 0,
    repeats: Annotated[int, typer.Option(min=1)] = 5,
    model: ModelOption = "",
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = 0,
    json: JsonOption = False,
) -> None:
    """Rows encoded and milliseconds per editing gesture, beside exact-prefix reuse and a full prefill."""
    from kvlsp.engine.model import open_model
    from kvlsp.evaluation import gestures as measuring

    loaded = open_model(settings_of(model=model, device=device, dtype=dtype, threads=threads))
    text = document(file)
    if tokens:
        text = measuring.first_tokens(loaded, text, tokens)
    figures = measuring.measure(loaded, text, repeats=repeats)
    if json:
        print_json(figures)
        return
    rows = [
        {"gesture": run["gesture"], "encoded": run["encoded"], "moved": run["moved"], "ms": run["milliseconds"],
         "prefill / repair": run["prefill_ratio"], "prefix-first reuse": run["prefix_reuse"]["prefix_first"],
         "suffix-first reuse": run["prefix_reuse"]["suffix_first"]}
        for run in figures["gestures"]
    ]
    _print(rows, f"{figures['document_tokens']} tokens, full prefill {figures['prefill_ms']} ms")


@app.command()
def growth(
    file: FileArgument = None,
    sizes: Annotated[str, typer.Option(help="Document sizes in tokens.")] = "2000,4000,7500",
    repeats: Annotated[int, typer.Option(min=1)] = 5,
    model: ModelOption = "",
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = 0,
    json: JsonOption = False,
) -> None:
    """A one-line edit at the top of ever longer documents: what is encoded does not grow."""
    from kvlsp.engine.model import open_model
    from kvlsp.evaluation import gestures as measuring

    loaded = open_model(settings_of(model=model, device=device, dtype=dtype, threads=threads))
    wanted = tuple(int(size) for size in sizes.split(","))
    rows = measuring.growth(loaded, document(file), wanted, repeats=repeats)
    if json:
        print_json({"growth": rows})
        return
    _print(rows, "insert a line at the top")


@app.command()
def forward(
    context: Annotated[int, typer.Option(min=16, help="Resident tokens.")] = 2048,
    rows: Annotated[str, typer.Option(help="Rows of one forward.")] = "1,8",
    repeats: Annotated[int, typer.Option(min=3)] = 30,
    model: ModelOption = "",
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = 0,
    json: JsonOption = False,
) -> None:
    """One forward of kvlsp's decoder beside stock transformers, in the same precision."""
    from kvlsp import default_model
    from kvlsp.engine.threads import use
    from kvlsp.evaluation.forward import measure

    use(threads)
    wanted = tuple(int(count) for count in rows.split(","))
    figures = measure(model or default_model.folder(), context, wanted, device, dtype, repeats)
    if json:
        print_json(figures)
        return
    _print([{"rows": count, **run} for count, run in figures["rows"].items()], figures["model"])


@app.command()
def decode(
    limit: Annotated[int, typer.Option(min=1, help="Prompts of each workload.")] = 60,
    repeats: Annotated[int, typer.Option(min=1, help="Runs with and without drafts of each prompt.")] = 3,
    seed: Annotated[int, typer.Option(help="Which prompts are drawn.")] = 0,
    model: ModelOption = "",
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = 0,
    json: JsonOption = False,
) -> None:
    """Tokens per second with and without drafts: rewriting, going on with tables, ordinary completions."""
    from kvlsp.engine.model import open_model
    from kvlsp.evaluation import decode as measuring
    from kvlsp.evaluation import decode_prompts as prompts

    settings = settings_of(device=device, dtype=dtype, threads=threads, model=model)
    loaded = open_model(settings)
    files = held_out(None)  # not kvlsp's own: those change with every commit, and the figures with them
    workloads = {
        "rewrite": prompts.rewrites(files, limit, settings, seed),
        "repetitive": prompts.repetitive(files, limit, settings, seed),
        "ordinary": prompts.ordinary(files, limit, settings, seed),
    }
    with bar("decoding", sum(map(len, workloads.values()))) as advance:
        figures = measuring.measure(loaded, workloads, repeats=repeats, advance=advance)
    figures["model"] = loaded.description
    if json:
        print_json(figures)
        return
    _print([{"workload": name, **row} for name, row in figures["workloads"].items()], loaded.description)


@app.command()
def overhead(
    carets: Annotated[int, typer.Option(min=1, help="Places in each document.")] = 8,
    model: Annotated[str, typer.Option(help="Folder of a model; only its tokenizer is used.")] = "",
    json: JsonOption = False,
) -> None:
    """Microseconds per generated token of draft lookup, grammar penalty and stop rule, by document size."""
    from kvlsp import default_model
    from kvlsp.evaluation import overhead as measuring
    from kvlsp.syntax.language import Language
    from kvlsp.tokens.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(Path(model) if model else default_model.folder())
    figures = measuring.measure(tokenizer, measuring.library_text(), Language.of("python"), carets=carets)
    if json:
        print_json(figures)
        return
    rules = (*measuring.RULES, "total")
    _print([{"tokens": row["document_tokens"], **{rule: row[rule]["median_us"] for rule in rules},
             "p99 of total": row["total"]["p99_us"], "beginning": row["begin_us"]} for row in figures["sizes"]],
           f"microseconds per generated token; growth {figures['growth']:.2f}")


def document(file: Path | None) -> str:
    """The text to measure on. Raises :class:`kvlsp.errors.DocumentError` when it cannot be read."""
    from kvlsp.errors import DocumentError

    if file is None:
        folder = Path(__file__).parent.parent
        return "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*/*.py")))[:40_000]
    try:
        return file.read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise DocumentError(f"{file} cannot be read: {error.strerror}.") from error


def _print(rows: list[dict[str, Any]], title: str) -> None:
    """A line per row, or a column per row where that is too wide."""
    from rich.console import Console
    from rich.table import Table

    lines = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    columns = list(zip(*lines, strict=True))
    if sum(3 + max(map(len, column)) for column in columns) >= Console().width:
        lines = [list(column) for column in columns]
    table = Table(*lines[0], title=title)
    for line in lines[1:]:
        table.add_row(*line)
    Console().print(table)
