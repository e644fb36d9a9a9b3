"""Where other suggestions branch off the first one: at its least certain early tokens.

    forks = fork(choices, wanted=2)    # choices: the best few ids and log-probabilities of early rows
    for each fork: decode prefix + ids[:fork.at] + [fork.token] as a branch of its own, all in one batch
    texts = distinct([first_text, *other_texts])

The rows before a fork are shared, so a candidate costs what comes after it. Ids and texts in, no model.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

EARLY = 12
"""Tokens of the first suggestion at which another may begin."""
WIDEST_GAP = 4.0
"""Nats: an alternative that is less likely than the chosen token by more than this is noise."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The most likely ids of a row, best first (the chosen one among them), with their log-probabilities."""

    ids: tuple[int, ...]
    logprobs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Fork:
    """Another suggestion: the first ``at`` tokens of the first one, then ``token``; ``gap`` nats behind."""

    at: int
    token: int
    gap: float


def fork(choices: Sequence[Choice], wanted: int, chosen: Sequence[int] | None = None,
         never: Collection[int] = ()) -> tuple[Fork, ...]:
    """Up to ``wanted`` forks, the smallest gap first; twice at one place only when no other place is left.

    ``chosen`` are the ids of the first suggestion (default: the best of each row). ``never`` may not be
    branched to: end tokens, markers, tokens of white space only.
    """
    found: list[Fork] = []
    for at, choice in enumerate(choices[:EARLY if chosen is None else min(EARLY, len(chosen))]):
        taken = choice.ids[0] if chosen is None else chosen[at]
        best = choice.logprobs[choice.ids.index(taken)] if taken in choice.ids else choice.logprobs[0]
        for token, logprob in zip(choice.ids, choice.logprobs, strict=True):
            gap = best - logprob
            if token != taken and token not in never and gap <= WIDEST_GAP:
                found.append(Fork(at, token, gap))
    found.sort(key=lambda candidate: (candidate.gap, candidate.at))
    first_of_place: dict[int, Fork] = {}
    for candidate in found:
        first_of_place.setdefault(candidate.at, candidate)
    places = list(first_of_place.values())
    rest = [candidate for candidate in found if candidate not in places]
    return tuple((places + rest)[:wanted])


def distinct(texts: Iterable[str]) -> tuple[str, ...]:
    """The texts that are not empty and differ in more than white space, in their order."""
    seen: dict[str, str] = {}
    for text in texts:
        seen.setdefault("".join(text.split()), text)
    seen.pop("", None)
    return tuple(seen.values())
