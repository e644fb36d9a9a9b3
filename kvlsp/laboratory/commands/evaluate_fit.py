"""``kvlsp evaluate fit``: how often an offer does not fit what stands behind the caret, in each grammar."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kvlsp.cli.options import JsonOption
from kvlsp.cli.progress import bar
from kvlsp.laboratory.commands.tables import answer, table

FoldersArgument = Annotated[list[Path], typer.Argument(
    exists=True, file_okay=False, help="Folders with source files, each in the language of its ending.")]


def fit(
    folders: FoldersArgument,
    language: Annotated[list[str] | None, typer.Option(help="This language alone; repeat for more.")] = None,
    count: Annotated[int, typer.Option("--files", help="Files of a language, at most.", min=1)] = 40,
    each: Annotated[int, typer.Option("--each", help="Places of a kind in each file.", min=1)] = 3,
    longest: Annotated[int, typer.Option(help="Longer files are left out, in bytes.", min=100)] = 30_000,
    seed: Annotated[int, typer.Option("--seed", help="Which places are drawn.")] = 0,
    show: Annotated[int, typer.Option("--show", help="So many that do not fit are shown, with their text.")] = 0,
    json: JsonOption = False,
) -> None:
    """How often a text that does not belong at a place is offered there all the same, and does not fit (no model)."""
    from kvlsp.errors import ConfigurationError
    from kvlsp.laboratory.evaluation import fitting
    from kvlsp.syntax.language import Language

    rows, shown, figures = [], [], {}
    for known in Language.all():
        texts = [text for text, _ in zip(fitting.files(folders, known, longest), range(count), strict=False)]
        if not texts or (language and known.name not in language):
            continue
        with bar(known.name, len(texts)) as advance:
            found = fitting.measure(known, texts, each, seed=seed, advance=advance)
        rows.append({
            "language": known.name, "files": found.files, "tried": found.tried, "offered": found.offered,
            "do not fit": len(found.glued), "right": found.right,
            "right refused": found.right - found.right_offered,
            "ms p50": f"{found.milliseconds(0.5):.1f}", "p99": f"{found.milliseconds(0.99):.1f}",
        })
        figures[known.name] = {**rows[-1], "glued": [asdict(one) for one in found.glued]}
        for title, those in (("does not fit", found.glued), ("refused", found.refused)):
            shown += [f"{known.name}, {one.kind}, {title} {one.why}: {one.before!r} | {one.offered!r} | {one.behind!r}"
                      for one in those[:show]]
    if not rows:
        raise ConfigurationError("No file below these folders is in a language of ../grammars and can be parsed.")
    answer(json, figures, lambda: table(rows, "texts at wrong places"))
    for line in shown if not json else ():
        typer.echo(line)
