"""``kvlsp corpus``: fetch and gather what the default model is trained on."""

from __future__ import annotations

from pathlib import Path

import typer

app = typer.Typer(add_completion=False)

MILLION = 1_000_000


@app.command()
def corpus(
    out: Path = typer.Option(..., help="Folder for the fetched archives and corpus.jsonl."),
    packages: Path | None = typer.Option(None, help="List of packages; default: the one of the default model."),
    fetch: bool = typer.Option(True, "--fetch/--no-fetch", help="Fetch what is missing, with pip and npm."),
    python_characters: int = typer.Option(520 * MILLION, help="Read no further package of Python after so many."),
    javascript_characters: int = typer.Option(240 * MILLION, help="... of JavaScript and TypeScript."),
    pack: Path | None = typer.Option(None, help="Write a smaller, compressed corpus to this file (.jsonl.xz), only."),
    pack_characters: int = typer.Option(300 * MILLION, help="Characters of the smaller corpus."),
) -> None:
    """Gather permissively licensed source files into OUT/corpus.jsonl, for `kvlsp train --corpus`.

    Fetching is resumed where it stopped; nothing is installed.
    """
    from kvlsp.laboratory.training.corpus import load_corpus, save_corpus
    from kvlsp.laboratory.training.fetch import fetch as fetch_packages
    from kvlsp.laboratory.training.gather import Gathered, gather
    from kvlsp.laboratory.training.packages import LIST, read_list
    from kvlsp.laboratory.training.subset import subset

    path = out / "corpus.jsonl"
    if pack is not None:
        smaller = subset(load_corpus(path), pack_characters)
        save_corpus(smaller, pack)
        typer.echo(f"{pack}: {len(smaller.train):,} files, {pack.stat().st_size / 2**20:.1f} MiB")
        return
    lists = read_list(packages or LIST)
    out.mkdir(parents=True, exist_ok=True)
    if fetch:
        for registry, name, result in fetch_packages(lists, out / "archives"):
            if result != "there":
                typer.echo(f"{registry} {name}: {result}")

    def report(name: str, gathered: Gathered) -> None:
        sizes = ", ".join(f"{language} {size / 1e6:.1f} M" for language, size in gathered.characters.items())
        typer.echo(f"{name}: {gathered.packages[name] / 1e6:.2f} M characters; in all {sizes}")

    limits = {"pypi": python_characters, "npm": javascript_characters}
    gathered = gather(lists, out / "archives", path, limits=limits, report=report)
    for reason, count in gathered.refused.most_common():
        typer.echo(f"left out, {reason}: {count:,}")
