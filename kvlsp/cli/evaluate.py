"""``kvlsp evaluate``: how good a model's completions are, as tables or JSON. A module per measurement."""

from __future__ import annotations

import typer

from kvlsp.cli.evaluate_crossfile import crossfile
from kvlsp.cli.evaluate_edits import edits, waiting
from kvlsp.cli.evaluate_infill import infill
from kvlsp.cli.evaluate_perplexity import perplexity
from kvlsp.cli.evaluate_places import confidence, places
from kvlsp.cli.evaluate_repetition import repetition

app = typer.Typer(help="Measure the quality of completions.", no_args_is_help=True)
for measurement in (infill, perplexity, edits, waiting, repetition, confidence, crossfile, places):
    app.command()(measurement)
