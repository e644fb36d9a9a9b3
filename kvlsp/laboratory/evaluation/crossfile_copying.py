"""Can a model use a definition that it is shown? The loss of a name behind its definition, by distance.

Above the last lines of a document, none of which has the name, stands the very line that is to be completed, or the
definition of its key name, or the definition as a file of its own in the model's repository format. What each saves
over the same lines alone, at growing distance, tells a model that cannot copy from far (nothing helps) from one that
does not connect a definition with its use (only the line helps), from one that does not look across the border of a
file (only the definition in the document helps). No retrieval and no caches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
import torch

from kvlsp.laboratory.evaluation.crossfile import interval
from kvlsp.laboratory.evaluation.crossfile_cases import Case
from kvlsp.laboratory.evaluation.crossfile_layouts import beside_of, run, spelling
from kvlsp.laboratory.evaluation.crossfile_packages import Package
from kvlsp.laboratory.evaluation.edits_policies import prefilled
from kvlsp.laboratory.evaluation.edits_probe import ask
from kvlsp.laboratory.evaluation.edits_scripts import Probe
from kvlsp.opening.model import Model
from kvlsp.prompt.layout import NOTHING, Run, lay_out

DISTANCES = (0, 64, 256, 768)
"""Tokens between what is shown and the caret's line."""

Ids = npt.NDArray[np.int32]


def curves(model: Model, packages: Iterable[Package], cases: Iterable[Case], *,
           distances: Sequence[int] = DISTANCES,
           advance: Callable[[], None] = lambda: None) -> dict[str, dict[int, tuple[float, float, float]]]:
    """``{the_same_line | the_definition | the_definition_as_a_file: {distance: (mean, low, high)}}``: nats per token of
    the name that it saves (95 %, bootstrap over lines). Only documents as long as the largest distance count, so that
    all distances judge the same lines; empty when there is none."""
    by_name = {package.name: package for package in packages}
    saved: dict[str, dict[int, list[float]]] = {
        kind: {distance: [] for distance in distances}
        for kind in ("the_same_line", "the_definition", "the_definition_as_a_file")
    }
    for case in cases:
        path, definition = _definition(by_name[case.package], case)
        between = model.tokenizer.encode(without(case.text, case.name)).ids
        if len(between) >= max(distances) and spelling(model.tokenizer, case) is not None:
            line = model.tokenizer.encode(case.line.strip() + "\n\n").ids
            inside = model.tokenizer.encode(definition + "\n").ids
            beside, _, _ = beside_of(model, case, [(path, definition)])
            for distance in distances:
                near = between[len(between) - distance :]
                alone = _loss(model, case, near)
                losses = {
                    "the_same_line": _loss(model, case, np.concatenate([line, near])),
                    "the_definition": _loss(model, case, np.concatenate([inside, near])),
                    "the_definition_as_a_file": _loss(model, case, near, beside),
                }
                for kind, loss in losses.items():
                    saved[kind][distance].append(alone - loss)
        advance()
    return {kind: {distance: interval(np.asarray(found)) for distance, found in rows.items() if found}
            for kind, rows in saved.items()}


def without(text: str, name: str) -> str:
    """The lines that do not have a name."""
    return "".join(line for line in text.splitlines(keepends=True) if name not in line)


def _definition(package: Package, case: Case) -> tuple[str, str]:
    """Path and text."""
    return next((found.path, found.definition.text) for found in package.index.named([case.name])
                if found.path in case.defined_in and not found.definition.inside)


def _loss(model: Model, case: Case, before: Ids, beside: Run = NOTHING) -> float:
    """Nats per token of the key name behind a document of the tokens ``before`` and the true line's beginning."""
    found = spelling(model.tokenizer, case)
    assert found is not None
    ids, (first, last) = found
    layout = lay_out(model.template, run(before), NOTHING, beside)
    cache, _, _ = prefilled(model.decoder, layout, model.decoder.context_length)
    said = ask(cache, layout, Probe("near", layout, layout, ids, case.line), model.tokenizer, decode=False)
    tokens = torch.arange(first, last)
    return -float(said.logprobs[tokens, torch.from_numpy(ids)[tokens]].mean())
