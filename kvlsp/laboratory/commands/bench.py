"""``kvlsp bench``: what gestures cost, how repair grows, how fast forwards are. Ratios in one run, no verdicts."""

from __future__ import annotations

import typer

from kvlsp.laboratory.commands.bench_context import context
from kvlsp.laboratory.commands.bench_decode import decode, overhead
from kvlsp.laboratory.commands.bench_forward import forward
from kvlsp.laboratory.commands.bench_fuzz import fuzz
from kvlsp.laboratory.commands.bench_gestures import gestures, growth
from kvlsp.laboratory.commands.bench_gpu import gpu
from kvlsp.laboratory.commands.bench_llama import llama
from kvlsp.laboratory.commands.bench_next_edit import next_edit
from kvlsp.laboratory.commands.bench_open import open_
from kvlsp.laboratory.commands.bench_warm import checkpoint, warm
from kvlsp.laboratory.commands.bench_watching import watching

app = typer.Typer(help="Measure speed, as ratios within one run.", no_args_is_help=True)
for measurement in (gestures, growth, forward, decode, overhead, context, watching, gpu, fuzz, warm, checkpoint,
                    next_edit, llama):
    app.command()(measurement)
app.command("open")(open_)
