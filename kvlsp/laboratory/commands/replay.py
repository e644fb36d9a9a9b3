"""``kvlsp replay``: drive the engine with a recorded editing session."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from kvlsp.cli.options import JsonOption, with_model_options
from kvlsp.cli.progress import opened, tracked
from kvlsp.config import Settings
from kvlsp.laboratory.commands.tables import answer, table

app = typer.Typer(add_completion=False)


@app.command()
@with_model_options()
def replay(
    settings: Settings,
    trace: Annotated[Path, typer.Argument(help="A recorded session: JSON, gzipped or not.")],
    start: Annotated[int, typer.Option(help="The first transaction to replay; those before it make the text.")] = 0,
    edits: Annotated[int | None, typer.Option(help="How many transactions; if left out, all.")] = None,
    check_every: Annotated[int, typer.Option(min=1, help="Compare with the slow way after so many.")] = 50,
    json: JsonOption = False,
) -> None:
    """Replay recorded edits; count what is encoded, check it against full tokenization and prefill."""
    from kvlsp.laboratory.evaluation import replay as replaying
    from kvlsp.laboratory.evaluation.trace import read_trace

    recorded = read_trace(trace)
    loaded = opened(settings)
    figures = replaying.replay(loaded, recorded, start=start, edits=edits, check_every=check_every,
                               track=partial(tracked, f"replaying {recorded.name}"))
    answer(json, figures, lambda: table(_rows(figures), recorded.name))


def _rows(figures: Mapping[str, Any]) -> list[dict[str, str]]:
    """The figures for people."""
    rows = []
    for name, value in figures.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {inner}" for key, inner in value.items())
        rows.append({"figure": name.replace("_", " "), "value": str(value)})
    return rows
