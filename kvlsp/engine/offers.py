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
    """The newest offers by their number."""

    def __init__(self) -> None:
        self._offers: dict[int, Offer] = {}
        self._made = 0

    def add(self, offer: Offer) -> int:
        """The number that feedback names it by."""
        self._made += 1
        self._offers[self._made] = offer
        if len(self._offers) > _REMEMBERED:
            del self._offers[next(iter(self._offers))]
        return self._made

    def get(self, number: int) -> Offer | None:
        return self._offers.get(number)
