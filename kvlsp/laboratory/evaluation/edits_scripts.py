"""A case as the model's side sees it: the layouts that its edits and points ask for, in turn.

Layouts are integers, so one script serves every policy, and policies cannot differ in what is asked of them. Two
settings: *plain*, the protocol of PIE (arXiv 2407.03157), the document in its order and the caret at the end of what is
visible; and *fill in the middle*, ours, the caret where the last edit was, then at the point.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kvlsp.engine.session import Session
from kvlsp.laboratory.evaluation.edits_cases import Case, Point, Region
from kvlsp.opening.model import Model
from kvlsp.prompt.layout import Layout
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.rope import Rope

MOST_TRUTH = 32
"""Teacher-forced tokens of a point at most, where the text after it is in the layout."""
MOST_FOLLOWING = 64
"""The same in plain order: there the text goes on behind the lines that were taken out, too."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A place to complete at. ``before`` is its layout in the document without the edits, ``ids`` the truth."""

    region: Region
    layout: Layout
    before: Layout
    ids: npt.NDArray[np.int64]
    truth: str


@dataclass(frozen=True, slots=True)
class Script:
    """``start`` is exact; ``steps`` has the layout after every edit."""

    name: str
    start: Layout
    steps: tuple[Layout, ...]
    probes: tuple[Probe, ...]


def script(model: Model, case: Case, *, plain: bool) -> Script:
    """The layouts of a case, with ``model``'s tokenizer and template (or in plain order)."""
    if plain:
        model = dataclasses.replace(model, template=dataclasses.replace(model.template, order="plain"))
    session = Session(model, Snapshot(case.name, 0, Rope.of(case.before), "python"),
                      context=model.decoder.context_length, generation_rows=MOST_FOLLOWING + MOST_TRUTH)

    def caret(offset: int) -> int:
        return len(session.snapshot.text) if plain else offset

    def at_points() -> list[Layout]:
        return [session.layout(len(session.snapshot.text) - point.behind) for point in case.points]

    before = at_points()
    start = session.layout(caret(case.edits[0].start))
    steps = []
    for number, edit in enumerate(case.edits):
        text = session.snapshot.text.replace(edit)
        session.edit((Change(edit, text),), Snapshot(case.name, number + 1, text, "python"))
        steps.append(session.layout(caret(edit.start + len(edit.text))))
    probes = tuple(
        Probe(point.region, layout, old, _truth(model, point, session.snapshot.text if plain else None), point.truth)
        for point, layout, old in zip(case.points, at_points(), before, strict=True)
    )
    return Script(case.name, start, tuple(steps), probes)


def _truth(model: Model, point: Point, goes_on: Rope | None) -> npt.NDArray[np.int64]:
    """Tokens of what was taken out at ``point``, and of the text that follows it where that is not in the layout."""
    following = "" if goes_on is None else goes_on.slice(len(goes_on) - point.behind, len(goes_on))
    most = MOST_TRUTH if goes_on is None else MOST_FOLLOWING
    return model.tokenizer.encode(point.truth + following, initial=False).ids[:most].astype(np.int64)
