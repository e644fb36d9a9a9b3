"""Figures on standard output: one JSON object for programs, a table for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kvlsp.cli.options import print_json


def answer(json: bool, figures: Mapping[str, Any], show: Callable[[], None]) -> None:
    """Print ``figures`` as JSON, or let ``show`` print them for people."""
    if json:
        print_json(figures)
    else:
        show()


def table(rows: Sequence[Mapping[str, Any]], title: str, *, turn: bool = False) -> None:
    """A line per row, under the keys of the first. With ``turn``: a column per row where lines would be too wide."""
    from rich.console import Console
    from rich.table import Table

    lines = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    columns = list(zip(*lines, strict=True))
    if turn and sum(3 + max(map(len, column)) for column in columns) >= Console().width:
        lines = [list(column) for column in columns]
    shown = Table(*lines[0], title=title)
    for line in lines[1:]:
        shown.add_row(*line)
    Console().print(shown)
