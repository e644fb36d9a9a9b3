"""``kvlsp evaluate``: how good a model's completions are, as tables or JSON. A module per measurement."""

from __future__ import annotations

import typer

from kvlsp.laboratory.commands.evaluate_crossfile import crossfile
from kvlsp.laboratory.commands.evaluate_edits import edits
from kvlsp.laboratory.commands.evaluate_first_window import first_window
from kvlsp.laboratory.commands.evaluate_fit import fit
from kvlsp.laboratory.commands.evaluate_infill import infill
from kvlsp.laboratory.commands.evaluate_next_edit import next_edit
from kvlsp.laboratory.commands.evaluate_perplexity import perplexity
from kvlsp.laboratory.commands.evaluate_places import confidence, places
from kvlsp.laboratory.commands.evaluate_repetition import repetition
from kvlsp.laboratory.commands.evaluate_waiting import waiting
from kvlsp.laboratory.commands.evaluate_workspace_memory import workspace_memory

app = typer.Typer(help="Measure the quality of completions.", no_args_is_help=True)
for measurement in (infill, perplexity, edits, waiting, repetition, confidence, crossfile, places, first_window,
                    next_edit, workspace_memory, fit):
    app.command()(measurement)
