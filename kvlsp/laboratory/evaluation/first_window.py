"""What a suggestion from the first, small window is worth beside one from the whole: the same carets, both ways.

A daemon lays out some hundred tokens around the caret where nothing is resident, and suggests from those before the
window has grown (:mod:`kvlsp.prompt.window`). Carets are drawn in held-out files that are longer than that. A
suggestion is *exact* if the author wrote its first line (:mod:`kvlsp.laboratory.evaluation.confidence`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kvlsp.config import Settings
from kvlsp.laboratory.evaluation.confidence import Judged, judge
from kvlsp.laboratory.evaluation.decode_prompts import ordinary
from kvlsp.laboratory.training.corpus import SourceFile
from kvlsp.opening.model import Model

LEAST = 8_000
"""Characters that a file must have: some 2,000 tokens, several times the first window."""
AROUND = 16_000, 8_000
"""Characters kept before and behind the caret: some 6,000 tokens."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One caret, completed from the ``first`` window and from the ``whole``."""

    first: Judged
    whole: Judged


def measure(model: Model, files: Sequence[SourceFile], count: int, settings: Settings, *, seed: int = 0,
            advance: Callable[[], None] = lambda: None) -> list[Pair]:
    """Completes at ``count`` carets in those of ``files`` that are long enough, twice each; no threshold holds."""
    prompts = ordinary([file for file in files if len(file.text) >= LEAST], count, settings, seed, AROUND)
    first = judge(model, prompts, settings, grows=True)
    whole = judge(model, prompts, settings, advance=advance)
    return [Pair(*pair) for pair in zip(first, whole, strict=True)]


def summary(pairs: Sequence[Pair]) -> dict[str, int]:
    """How many carets got a suggestion, an exact one, the same one, and an exact one one way only."""
    return {
        "places": len(pairs),
        "offered_first": sum(bool(pair.first.offered) for pair in pairs),
        "offered_whole": sum(bool(pair.whole.offered) for pair in pairs),
        "same": sum(pair.first.offered == pair.whole.offered for pair in pairs),
        "exact_first": sum(pair.first.right for pair in pairs),
        "exact_whole": sum(pair.whole.right for pair in pairs),
        "exact_only_first": sum(pair.first.right and not pair.whole.right for pair in pairs),
        "exact_only_whole": sum(pair.whole.right and not pair.first.right for pair in pairs),
    }


def as_json(pairs: Sequence[Pair]) -> dict[str, Any]:
    """The counts and the places they were made from."""
    return {"first_window": summary(pairs), "places": [asdict(pair) for pair in pairs]}
