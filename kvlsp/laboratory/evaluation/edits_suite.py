"""Which settings ``kvlsp evaluate edits`` runs: how many edits, in which layouts, on how many cases."""

from __future__ import annotations

from collections.abc import Sequence

from kvlsp.laboratory.evaluation.edits import Setting
from kvlsp.laboratory.evaluation.edits_cases import Case, drawn, many_hunks, single_hunks, typed
from kvlsp.laboratory.evaluation.edits_versions import Revision
from kvlsp.opening.model import Model

_HUNKS = 10


def settings(model: Model, revisions: Sequence[Revision], *, characters: int, cases: int, quick: bool,
             seed: int = 0) -> list[Setting]:
    """Plain order and the model's own, 1 and 10 hunks; 100 keystrokes, and 1,000 unless ``quick``.

    ``cases`` are drawn for hunks in plain order; fewer where each costs more.
    """
    longer = 2 * characters
    many = max(2, cases // 2) if quick else cases
    groups: list[tuple[str, int, list[Case]]] = [
        ("one hunk", 1, drawn(single_hunks(revisions, characters), cases, seed)),
        (f"{_HUNKS} hunks", _HUNKS, drawn(many_hunks(revisions, longer, _HUNKS), many, seed)),
        ("100 keystrokes", 100, drawn(typed(revisions, characters, 100), max(1, cases // 6), seed)),
    ]
    if not quick:
        groups.append(("1,000 keystrokes", 1000, drawn(typed(revisions, longer, 1000), max(1, cases // 24), seed)))
    found = [Setting(f"{name}, plain order", edits, True, tuple(drawn_)) for name, edits, drawn_ in groups if drawn_]
    order = model.template.order
    if order != "plain":
        found += [
            Setting(f"{name}, {order.replace('_', ' ')}", edits, False, tuple(drawn_[: max(2, len(drawn_) // 2)]))
            for name, edits, drawn_ in groups[: 2 if quick else 4] if drawn_
        ]
    return found
