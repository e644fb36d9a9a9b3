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
from kvlsp.engine.remembering import Remembering
from kvlsp.laboratory.evaluation.decode_prompts import DecodePrompt
from kvlsp.opening.model import Model
from kvlsp.syntax.language import Language

THRESHOLDS = (0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
WINDOW = 2600
"""Tokens that the model sees around a caret, and writes, where the settings do not say."""
SHARES = (0.76, 0.5)
"""Of the carets, at which so many are looked at: the surest ones."""


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
          memory: Callable[[str], Remembering | None] | None = None,
          advance: Callable[[], None] = lambda: None) -> list[Judged]:
    """Completes at every caret, from the first window only if it ``grows``, mixed with what ``memory`` has for its
    file; no threshold holds."""
    found = []
    for prompt in prompts:
        path = prompt.origin.rpartition(":")[0]
        language = Language.of(path)
        completion = complete_text(model, prompt.text, prompt.caret, language.ids[0] if language else "", settings,
                                   grows=grows, remembering=memory(path) if memory else None)
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


def surest(judged: Sequence[Judged], shares: Sequence[float] = SHARES) -> list[dict[str, float]]:
    """Per share of the places, taken by confidence: the least of it, and the share of right ones among those that have
    a suggestion."""
    offered = sorted((one for one in judged if one.offered), key=lambda one: -one.confidence)
    rows = []
    for share in shares:
        taken = offered[: round(share * len(judged))]
        rows.append({"share": share, "confidence": min((one.confidence for one in taken), default=0.0),
                     "right": round(sum(one.right for one in taken) / max(1, len(taken)), 4)})
    return rows


def as_json(judged: Sequence[Judged]) -> dict[str, Any]:
    """The tables and the places they were made from."""
    return {"thresholds": table(judged), "surest": surest(judged),
            "places": [{**asdict(one), "right": one.right} for one in judged]}
