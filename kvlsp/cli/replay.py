"""``kvlsp replay``: drive the engine with a recorded editing session."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from kvlsp.cli.options import (
    DeviceOption,
    DtypeOption,
    JsonOption,
    ModelOption,
    ThreadsOption,
    print_json,
    settings_of,
)

app = typer.Typer()


@app.command()
def replay(
    trace: Annotated[Path, typer.Argument(help="A recorded session: JSON, gzipped or not.")],
    start: Annotated[int, typer.Option(help="The first transaction replayed; those before it make the text.")] = 0,
    edits: Annotated[int | None, typer.Option(help="How many transactions; all if left out.")] = None,
    check_every: Annotated[int, typer.Option(min=1, help="Compare with the slow truth after so many.")] = 50,
    model: ModelOption = "",
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = 0,
    json: JsonOption = False,
) -> None:
    """Replay recorded edits; count what is encoded, check it against full tokenization and prefill."""
    from rich.console import Console
    from rich.progress import track

    from kvlsp.engine.model import open_model
    from kvlsp.evaluation import replay as replaying
    from kvlsp.evaluation.trace import read_trace

    recorded = read_trace(trace)
    loaded = open_model(settings_of(model=model, device=device, dtype=dtype, threads=threads))
    errors = Console(stderr=True)

    def bar(steps: Iterable[int]) -> Iterable[int]:
        return track(steps, f"replaying {recorded.name}", console=errors, transient=True)

    figures = replaying.replay(loaded, recorded, start=start, edits=edits, check_every=check_every, track=bar)
    if json:
        print_json(figures)
    else:
        Console().print(table(figures))


def table(figures: dict[str, Any]) -> Any:
    """The figures for people."""
    from rich.table import Table

    shown = Table("figure", "value")
    for name, value in figures.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {inner}" for key, inner in value.items())
        shown.add_row(name.replace("_", " "), str(value))
    return shown
