"""How long a draft should be: what a forward costs against how many drafted ids turn out right."""

from __future__ import annotations

from kvlsp.completion.forward_costs import MOST, ForwardCosts


class Adaptation:
    """How long a draft should be: learns from each verification how far matches of some length carry.

    The length maximises expected ids per cost, (1 + sum p^i) / cost(1 + n), where p is the share of drafted ids that
    were right after matches of this length. Keep one per engine: what it learns holds for all documents.
    """

    _EDGES = (2, 3, 4, 6, 9, 16)

    def __init__(self, row_cost: float = 0.05) -> None:
        self.costs = ForwardCosts(row_cost)
        # (right, tried) ids per class of match length; it starts with optimism of little weight.
        self._seen = [[share, 10.0] for share in (3.5, 5.0, 6.0, 7.0, 8.0, 9.0, 9.5)]
        self._skipped = 0

    def length(self, match: int, limit: int) -> int:
        """Ids to draft after a match of this length, 0 when drafting costs more than it gains."""
        right, tried = self._seen[self._class(match)]
        agree = right / tried
        best, best_length, expected, power = 1.0, 0, 1.0, 1.0
        for count in range(1, min(limit, MOST) + 1):
            power *= agree
            expected += power
            gain = expected / self.costs.of(1 + count)
            if gain > best:
                best, best_length = gain, count
        if best_length == 0:
            self._skipped += 1
            return min(2, limit) if self._skipped % 16 == 0 else 0  # look again now and then
        return best_length

    def observe(self, match: int, proposed: int, accepted: int) -> None:
        """``accepted`` of ``proposed`` ids were right; those behind the first wrong one say nothing."""
        seen = self._seen[self._class(match)]
        tried = accepted + (accepted < proposed)
        seen[0], seen[1] = seen[0] + accepted, seen[1] + tried
        if seen[1] > 64.0:  # forget slowly: what is edited changes
            seen[0], seen[1] = seen[0] / 2, seen[1] / 2

    def _class(self, match: int) -> int:
        return sum(match >= edge for edge in self._EDGES)
