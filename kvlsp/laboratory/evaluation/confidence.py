"""What a threshold on confidence keeps and what it drops: carets in held-out files, with what the author wrote there.

A suggestion is *right* if the author wrote its first line, without white space at the end. The same suggestions are
judged at every threshold, so the rows of the table differ by the threshold alone. It is measured once per suggestion;
which threshold is worth having is a matter of taste.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kvlsp.config import Settings
from kvlsp.engine.oneshot import complete_text
from kvlsp.laboratory.evaluation.decode_prompts import DecodePrompt
from kvlsp.opening.model import Model
from kvlsp.syntax.language import Language

THRESHOLDS = (0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True, slots=True)
class Judged:
    """One caret: the first line ``offered`` ("" where nothing was), how sure the model was, what was ``written``."""

    place: str
    offered: str
    written: str
    confidence: float

    @property
    def right(self) -> bool:
        return bool(self.offered) and self.offered == self.written


def first_line(text: str) -> str:
    """The first line of a text that is not blank, without white space at its end."""
    return text.lstrip("\n").partition("\n")[0].rstrip()


def judge(model: Model, prompts: Sequence[DecodePrompt], settings: Settings, *, grows: bool = False,
          advance: Callable[[], None] = lambda: None) -> list[Judged]:
    """Completes at every caret, from the first window only if it ``grows``; no threshold holds."""
    found = []
    for prompt in prompts:
        language = Language.of(prompt.origin.rpartition(":")[0])
        completion = complete_text(model, prompt.text, prompt.caret, language.ids[0] if language else "", settings,
                                   grows=grows)
        found.append(Judged(prompt.origin, first_line(completion.text), prompt.written.rstrip(),
                            completion.report.get("confidence", 0.0)))
        advance()
    return found


def table(judged: Sequence[Judged], thresholds: Sequence[float] = THRESHOLDS) -> list[dict[str, Any]]:
    """Per threshold: shares of the places with a suggestion, of suggestions that are right, of right ones kept."""
    right = sum(one.right for one in judged)
    rows = []
    for threshold in thresholds:
        offered = [one for one in judged if one.offered and one.confidence >= threshold]
        kept = sum(one.right for one in offered)
        rows.append(
            {
                "threshold": threshold,
                "offered": round(len(offered) / max(1, len(judged)), 4),
                "right": round(kept / max(1, len(offered)), 4),
                "right_kept": round(kept / max(1, right), 4),
            }
        )
    return rows


def as_json(judged: Sequence[Judged]) -> dict[str, Any]:
    """The table and the places it was made from."""
    return {"thresholds": table(judged), "places": [{**asdict(one), "right": one.right} for one in judged]}
