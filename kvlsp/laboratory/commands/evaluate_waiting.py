"""``kvlsp evaluate waiting``: how long a keystroke waits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kvlsp.cli.options import JsonOption, with_model_options
from kvlsp.cli.progress import bar, opened
from kvlsp.config import Settings
from kvlsp.laboratory.commands.tables import answer


@with_model_options()
def waiting(
    settings: Settings,
    file: Annotated[Path, typer.Argument(help="A text to type in.")] = Path(__file__),
    tokens: Annotated[int, typer.Option(help="About how many tokens the document has.")] = 4000,
    keystrokes: Annotated[int, typer.Option(help="How many keystrokes are measured.")] = 100,
    json: JsonOption = False,
) -> None:
    """How long a keystroke waits at rest, and while the cache is being made exact."""
    from kvlsp.laboratory.evaluation.gestures import first_tokens
    from kvlsp.laboratory.evaluation.waiting import measure

    loaded = opened(settings)
    text = first_tokens(loaded, file.read_text(encoding="utf-8"), tokens)
    with bar("keystrokes", keystrokes) as advance:
        found = measure(loaded, text, keystrokes=keystrokes, advance=advance)

    def show() -> None:
        for name in ("at_rest", "while_refreshing", "refresh_forward"):
            typer.echo(f"{name.replace('_', ' ')}: p50 {found[name]['p50']} ms, p99 {found[name]['p99']} ms")

    answer(json, found, show)
