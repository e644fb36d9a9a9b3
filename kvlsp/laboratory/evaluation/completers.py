"""The real completer as a plain callable (prefix, suffix) -> text, made from the engine's one-shot path."""

from __future__ import annotations

import dataclasses

from kvlsp.config import Settings
from kvlsp.engine.oneshot import complete_text
from kvlsp.laboratory.evaluation.infill import Complete
from kvlsp.opening.model import Model


def engine_completer(model: Model, settings: Settings, single_line: bool) -> Complete:
    """What a user would be offered at the caret: layout, healing, drafts, stop rules and trimming included.

    A hole of the benchmark is a span, so `single_line` decides whether the answer may span lines, not the
    engine. A hole of whole lines is an empty line with the caret on it, as an editor shows it: before the code of the
    next line the engine offers only what fits there.
    """
    chosen = dataclasses.replace(settings, multi_line="never" if single_line else "always", max_lines=30)

    def complete(prefix: str, suffix: str) -> str:
        hole = "\n" if single_line and not prefix.rpartition("\n")[2] else ""
        return complete_text(model, prefix + hole + suffix, len(prefix), "python", chosen).text

    return complete
