"""``kvlsp train``: make the default model again, or another one by the same recipe."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from kvlsp.laboratory.training.train import Report

app = typer.Typer(add_completion=False)

DRY_STEPS = 6


@app.command()
def train(
    preset: str = typer.Option("cpu", help="cpu: two cores for hours; gpu: one large GPU for minutes."),
    out: Path = typer.Option(..., help="Folder for corpus, checkpoint and the exported model (out/model)."),
    corpus: list[Path] = typer.Option(
        [], help="What `kvlsp corpus` made, or a folder of Python files; repeat. Default: this interpreter's."
    ),
    budget_minutes: float | None = typer.Option(None, help="Minutes of processor time; the schedule fits it."),
    until: str | None = typer.Option(None, help="HH:MM local time at which training ends in any case."),
    resume: bool = typer.Option(False, "--resume", help="Go on from the checkpoint in OUT, if there is one."),
    init: Path | None = typer.Option(None, help="Exported model to start from (its vocabulary is used)."),
    vocabulary: Path | None = typer.Option(None, help="A tokenizer.json to use; default: one made from the corpus."),
    rate: float = typer.Option(1.0, min=0.0, help="Factor on the peak learning rates; below 1 to go on with --init."),
    kept: float = typer.Option(0.0, min=0.0, max=1.0, help="Share of --init's weights in the export: their mean."),
    seed: int = typer.Option(0, help="Seed of weights and examples."),
    threads: int = typer.Option(0, help="Threads of the processor; 0 leaves the choice to torch."),
    max_steps: int | None = typer.Option(None, help="Stop after so many steps, without decay: for trials."),
    pause_minutes: float | None = typer.Option(None, help="Stop after so long, to go on with --resume."),
    save_minutes: float = typer.Option(2.0, min=0.0, help="Measure and write a checkpoint so often."),
    bring: Path | None = typer.Option(None, help="Also write the model to this folder, in pieces of at most 15 MiB."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Go the whole way with a tiny model on the processor."),
    compiled: bool = typer.Option(True, "--compile/--no-compile", help="Compile the network's blocks."),
    json_: bool = typer.Option(False, "--json", help="One JSON object per report instead of a progress bar."),
) -> None:
    """Train a model, resumable; leaves weights, curves and a model card in OUT/model."""
    import torch

    from kvlsp.laboratory.training.card import write_card
    from kvlsp.laboratory.training.clock import deadline
    from kvlsp.laboratory.training.corpus import some_folder
    from kvlsp.laboratory.training.presets import miniature
    from kvlsp.laboratory.training.presets import preset as find
    from kvlsp.laboratory.training.train import prepared_corpus
    from kvlsp.laboratory.training.train import train as run
    from kvlsp.laboratory.training.travel import pack, unpack

    if threads:
        torch.set_num_threads(threads)
    chosen = find(preset)
    if dry_run:
        shape = chosen.shape
        typer.echo(
            f"{preset}: {shape.parameters / 1e6:.1f} M parameters, {shape.parameters * 2 / 2**20:.1f} MiB of weights"
        )
        chosen, max_steps, compiled, save_minutes = miniature(chosen), max_steps or DRY_STEPS, False, 0.0
        corpus = corpus or [some_folder()]
    report, close = _json_report() if json_ else _progress_bar(preset)
    try:
        progress = run(
            chosen,
            out,
            corpus,
            budget_minutes=budget_minutes,
            until=deadline(until) if until else None,
            resume=resume,
            init=init,
            vocabulary_file=None if dry_run else vocabulary,
            rate=rate,
            kept=kept,
            seed=seed,
            compiled=compiled,
            max_steps=max_steps,
            pause_minutes=pause_minutes,
            measure_seconds=save_minutes * 60,
            report=report,
        )
    finally:
        close()
    write_card(chosen, progress, out, seed, init, rate, kept, prepared_corpus(out, corpus))
    if bring is not None:
        pieces = pack(out / "model", bring)
        typer.echo(f"{bring}: {len(pieces)} pieces, {sum(path.stat().st_size for path in pieces) / 2**20:.1f} MiB")
        if dry_run:
            unpack(bring, out / "brought")
            typer.echo(f"The pieces put together again are in {out / 'brought'}.")


def _json_report() -> tuple[Callable[[Report], None], Callable[[], None]]:
    def report(line: Report) -> None:
        typer.echo(json.dumps(asdict(line)))

    return report, lambda: None


def _progress_bar(name: str) -> tuple[Callable[[Report], None], Callable[[], None]]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:5.1f} %"),
        TimeElapsedColumn(),
    )
    task = bar.add_task(f"training {name}: corpus and vocabulary", total=1.0)
    bar.start()

    def report(line: Report) -> None:
        text = f"{line.phase} {line.tokens / 1e6:.2f} M tokens, {line.tokens_per_second:,.0f}/s"
        text += f", loss {line.loss:.3f}"
        if line.held_out_bits_per_byte is not None:
            text += f", held out {line.held_out_bits_per_byte:.4f} bits per byte"
            bar.console.print(text)
        bar.update(task, description=text, completed=line.fraction)

    return report, bar.stop
