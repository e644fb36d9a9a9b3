"""What was offered lately, so that feedback on it (accepted, rejected) finds its place again."""

from __future__ import annotations

from dataclasses import dataclass

_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Offer:
    """A text that was offered between ``prefix`` and ``suffix`` of a document."""

    uri: str
    prefix: str
    suffix: str
    text: str


class Offers:
    """The newest offers by the number of their completion."""

    def __init__(self) -> None:
        self._offers: dict[int, Offer] = {}

    def add(self, completion: int, offer: Offer) -> None:
        self._offers[completion] = offer
        if len(self._offers) > _REMEMBERED:
            del self._offers[next(iter(self._offers))]

    def get(self, completion: int) -> Offer | None:
        return self._offers.get(completion)
