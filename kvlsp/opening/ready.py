"""Open a model for serving: loaded, its repair budget and memory measured, its quality gate looked up.

The gate itself (``kvlsp doctor --gate``) is in the laboratory; here stands what its verdict means for the daemon.
"""

from __future__ import annotations

import dataclasses
import logging

from kvlsp.cache.worth import Budget
from kvlsp.config import Settings
from kvlsp.model.memory import return_freed
from kvlsp.opening.measured import by_threads, recall, remember
from kvlsp.opening.model import LoadProgress, Model, open_model
from kvlsp.opening.offload import apart, worthwhile
from kvlsp.opening.repair_budget import measure

log = logging.getLogger(__name__)

STRICT_BUDGET = 256
"""Stale rows encoded with every edit where the gate asks for more repair."""


def open_ready(settings: Settings, progress: LoadProgress = lambda fraction, text: None) -> Model:
    """As :func:`kvlsp.opening.model.open_model`, with budget and policy. Measured once, then remembered."""
    model = open_model(settings, progress)
    gate = recall(settings, model).get("gate")
    policy = gate.get("policy", "repair") if isinstance(gate, dict) else "repair"
    return ruled(offloaded(settings, budgeted(settings, model, progress), progress), policy)


def budgeted(settings: Settings, model: Model, progress: LoadProgress = lambda fraction, text: None) -> Model:
    """``model`` with its repair budget, measured once and remembered."""
    name = by_threads("repair_budget")
    budget = _read(recall(settings, model).get(name))
    if budget is None:
        progress(None, "measuring the repair budget")
        budget = measure(model.decoder)
        return_freed()  # the rows that it was measured over
        remember(settings, model, {name: budget.points})
        log.info("Stale rows encoded along with an edit, by resident rows: %s.", budget)
    return dataclasses.replace(model, repair_budget=budget)


def _read(points: object) -> Budget | None:
    """A budget as it was remembered; None for anything else."""
    try:
        return Budget(tuple((int(resident), int(rows)) for resident, rows in points)) if points else None  # type: ignore[attr-defined]
    except (TypeError, ValueError, OverflowError):
        return None


def offloaded(settings: Settings, model: Model, progress: LoadProgress = lambda fraction, text: None) -> Model:
    """``model`` with the answer whether idle documents wait in host memory, measured once and remembered."""
    if not apart(model.decoder):
        return model
    offloads = recall(settings, model).get("offloads")
    if not isinstance(offloads, bool):
        progress(None, "measuring the way to host memory and back")
        offloads = worthwhile(model.decoder)
        remember(settings, model, {"offloads": offloads})
    return dataclasses.replace(model, offloads=offloads)


def ruled(model: Model, policy: str) -> Model:
    """``model`` under the gate's verdict: "repair" as measured, "more" repair, or "prefill" always."""
    if policy == "more":
        description = f"{model.description}; more repair, as its quality gate asks"
        budget = model.repair_budget.at_least(STRICT_BUDGET)
        return dataclasses.replace(model, repair_budget=budget, description=description)
    if policy == "prefill":
        description = f"{model.description}; prefilled at every edit, as its quality gate asks"
        return dataclasses.replace(model, full_prefill=True, description=description)
    return model
