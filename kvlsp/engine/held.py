"""Requests that wait: for a document so long that its tokens are still being made, piece by piece.

Others are served meanwhile. It knows neither the model nor how answers travel.
"""

from __future__ import annotations

from collections.abc import Iterator

from kvlsp.engine.messages import Complete


class Held:
    """Requests in order of arrival. Of one document only those for its newest place stay."""

    def __init__(self) -> None:
        self._requests: list[Complete] = []

    def __bool__(self) -> bool:
        return bool(self._requests)

    @property
    def uri(self) -> str | None:
        """The document that the oldest one waits for."""
        return self._requests[0].uri if self._requests else None

    def add(self, request: Complete) -> list[Complete]:
        """Keep a request; those that it supersedes are handed back."""
        old = [other for other in self._requests if other.uri == request.uri and not other.asks_the_same(request)]
        self._requests = [other for other in self._requests if other not in old] + [request]
        return old

    def out(self) -> Iterator[Complete]:
        """Each that is held now, once, oldest first; it is held no more unless it is added again."""
        for _ in range(len(self._requests)):
            yield self._requests.pop(0)
