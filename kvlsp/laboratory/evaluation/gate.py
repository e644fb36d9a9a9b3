"""The quality gate: may the cache of this model be repaired, measured on a few built-in edits in its own layout?

A repair is approximate, and how much so depends on the model; so it is measured, and published, per model. The daemon
looks the verdict up (:mod:`kvlsp.opening.ready`) and is stricter with a model that fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from kvlsp.cache.worth import Budget, worthiest
from kvlsp.laboratory.evaluation.edits import Setting, evaluate
from kvlsp.laboratory.evaluation.edits_cases import drawn, single_hunks
from kvlsp.laboratory.evaluation.edits_versions import sampled
from kvlsp.opening.model import Model
from kvlsp.opening.ready import STRICT_BUDGET

Policy = Literal["repair", "more", "prefill"]

AGREEMENT = 95.0
"""Per cent of positions at which the most likely token must be that of full recomputation."""
GAIN = 0.2
"""The divergence must be at most this share of what ignoring the edit costs."""

CASES = 6
"""Documents; where they do not speak for the repair as it is measured, they are asked once more with a strict one."""
_CHARACTERS = 2500


@dataclass(frozen=True, slots=True)
class Verdict:
    """``policy`` is what the daemon does: repair as measured, repair more, or prefill at every edit.

    ``agreement`` (per cent) and ``kl`` (nats per token) are those of the repair that was accepted, or of the best that
    was tried; ``ignored_kl`` is what not repairing at all would cost.
    """

    policy: Policy
    agreement: float
    kl: float
    ignored_kl: float
    positions: int

    @property
    def facts(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        what = {"repair": "repair holds", "more": "more repair is needed", "prefill": "repair does not hold"}
        return (f"{what[self.policy]}: {self.agreement:.1f} % of {self.positions} tokens as with full recomputation, "
                f"KL {self.kl:.5f} (edits ignored: {self.ignored_kl:.5f})")


def judge(model: Model, *, cases: int = CASES, advance: Callable[[], None] = lambda: None) -> Verdict:
    """Measure ``model``: first as it would be repaired, then with the strict budget."""
    drawn_ = tuple(drawn(single_hunks(sampled(), _CHARACTERS), cases))
    setting = Setting("gate", 1, model.template.order == "plain", drawn_)
    verdict = _verdict("prefill", {}, 0)
    budgets: tuple[tuple[Policy, Budget | int], ...] = (("repair", model.repair_budget), ("more", STRICT_BUDGET))
    for policy, budget in budgets:
        (table,) = evaluate(model, [setting], choose=worthiest(budget), advance=advance)
        verdict = _verdict(policy, table["policies"], table["positions"])
        if verdict.agreement >= AGREEMENT and verdict.kl <= GAIN * verdict.ignored_kl:
            return verdict
    return Verdict("prefill", verdict.agreement, verdict.kl, verdict.ignored_kl, verdict.positions)


def _verdict(policy: Policy, policies: dict[str, Any], positions: int) -> Verdict:
    none = {"top1_agreement": 0.0, "kl": 0.0}
    repaired, ignored = policies.get("pie_repair", none), policies.get("ignored", none)
    return Verdict(policy, repaired["top1_agreement"], repaired["kl"], ignored["kl"], positions)
