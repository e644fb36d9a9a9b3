"""Letters for ids, so that a failure can be read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kvlsp.completion.copy_drafter import CopyDrafter
from kvlsp.completion.draft_length import Adaptation
from kvlsp.completion.drafts import Drafting


@dataclass(frozen=True)
class Replacement:
    start: int
    end: int
    ids: np.ndarray


def ids(text: str) -> np.ndarray:
    return np.array([ord(character) for character in text], dtype=np.int32)


def text(proposed: tuple[int, ...]) -> str:
    return "".join(map(chr, proposed))


def drafted(drafter: CopyDrafter, context: str, suffix: str = "", limit: int = 8) -> str:
    return text(Drafting(drafter, (), ids(suffix), Adaptation(row_cost=0.0)).propose(ids(context), limit))
