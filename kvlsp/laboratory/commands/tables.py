"""Figures on standard output: one JSON object for programs, a table for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kvlsp.cli.options import print_json

if TYPE_CHECKING:
    from rich.console import Console

IN_A_FILE = 1000
"""Columns that a table may take where no terminal says how many there are."""


def answer(json: bool, figures: Mapping[str, Any], show: Callable[[], None]) -> None:
    """Print ``figures`` as JSON, or let ``show`` print them for people."""
    if json:
        print_json(figures)
    else:
        show()


def wide_console() -> Console:
    """Standard output for tables: as wide as the terminal; in a file or a pipe nothing is cut, unless COLUMNS says how
    wide it is."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() or "COLUMNS" in os.environ else Console(width=IN_A_FILE)


def table(rows: Sequence[Mapping[str, Any]], title: str, *, turn: bool = False) -> None:
    """A line per row, under the keys of the first. With ``turn``: a column per row where lines would be too wide."""
    from rich.table import Table

    console = wide_console()
    lines = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    columns = list(zip(*lines, strict=True))
    if turn and sum(3 + max(map(len, column)) for column in columns) >= console.width:
        lines = [list(column) for column in columns]
    shown = Table(*lines[0], title=title)
    for line in lines[1:]:
        shown.add_row(*line)
    console.print(shown)
