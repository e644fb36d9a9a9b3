"""How good a repaired cache is: every policy on real edits, judged against full recomputation, with its cost.

For each case one exact cache is made; every policy goes the same way from a copy of it and is asked at the same points.
The yardstick is *ignored*: the exact cache of the document without the edits. Only what lies between it and full
recomputation can be lost or won.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from kvlsp.cache.choosing import SEAM, Choice
from kvlsp.cache.resident import ResidentCache
from kvlsp.cache.worth import worthiest
from kvlsp.laboratory.evaluation.edits_cases import REGIONS, Case
from kvlsp.laboratory.evaluation.edits_policies import (
    POLICIES,
    Spent,
    Unrotated,
    copied,
    followed,
    prefilled,
    prefilled_otherwise,
    refreshed,
)
from kvlsp.laboratory.evaluation.edits_probe import Said, ask, divergence, key_cosine, similarity, true_line
from kvlsp.laboratory.evaluation.edits_scripts import Probe, Script, script
from kvlsp.opening.model import Model

FLOOR = "floor"

BUDGET = 80
"""Stale rows that the policy ``pie_repair`` encodes along with every edit, unless asked otherwise: with a hunk's own
rows about a twentieth of a full prefill's time at 4,000 tokens."""
_DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Setting:
    """One table: ``edits`` since the last exact state, in a layout."""

    name: str
    edits: int
    plain: bool
    cases: tuple[Case, ...]


@dataclass(slots=True)
class Judged:
    """One policy at all points of a setting: a list entry per teacher-forced position (the first five), per point, or
    per case (``cosine``)."""

    kl: list[float] = field(default_factory=list)
    document: list[int] = field(default_factory=list)
    """Number of the case that the position belongs to."""
    same: list[bool] = field(default_factory=list)
    region: list[str] = field(default_factory=list)
    matters: list[bool] = field(default_factory=list)
    """Whether ignoring the edits changes the most likely token here."""
    exact: list[bool] = field(default_factory=list)
    similar: list[float] = field(default_factory=list)
    case: list[int] = field(default_factory=list)
    """Number of the case that the point belongs to."""
    caret_rows: list[int] = field(default_factory=list)
    caret_seconds: list[float] = field(default_factory=list)
    """What it took to move the caret to the point, and to ask there."""
    cosine: list[float] = field(default_factory=list)
    spent: Spent = field(default_factory=Spent)

    def figures(self, full: Judged) -> dict[str, Any]:
        """Means over all positions, by region, and where the edits matter; shares are per cent."""
        kl, same = np.asarray(self.kl), np.asarray(self.same, float)
        region, matters = np.asarray(self.region), np.asarray(self.matters, bool)
        low, high = paired_interval(np.asarray(self.exact, float) - np.asarray(full.exact, float), self.case)
        edits = max(1, self.spent.edits)
        return {
            "exact_match": _percent(np.asarray(self.exact, float)),
            "exact_match_to_full": [round(100 * low, 2), round(100 * high, 2)],
            "edit_similarity": round(float(np.mean(self.similar)), 2),
            "top1_agreement": _percent(same),
            "kl": float(np.mean(kl)),
            "kl_median_document": float(np.median(by_document(kl, self.document))) if len(kl) else 0.0,
            "key_cosine": round(float(np.mean(self.cosine)), 5),
            "encoded_tokens": round(self.spent.rows / edits, 1),
            "ms": round(1000 * self.spent.seconds / edits, 2),
            "caret_tokens": round(float(np.mean(self.caret_rows)), 1),
            "caret_ms": round(1000 * float(np.mean(self.caret_seconds)), 2),
            "by_region": {
                name: {"kl": float(kl[region == name].mean()), "top1_agreement": _percent(same[region == name])}
                for name in REGIONS if (region == name).any()
            },
            "where_it_matters": {
                "positions": int(matters.sum()),
                "kl": float(kl[matters].mean()) if matters.any() else 0.0,
                "top1_agreement": _percent(same[matters]),
            },
        }


def by_document(values: npt.NDArray[np.float64], documents: Sequence[int]) -> npt.NDArray[np.float64]:
    """The mean of each document's values, (documents,)."""
    _, index = np.unique(np.asarray(documents), return_inverse=True)
    return np.bincount(index, values) / np.bincount(index)


def paired_interval(differences: npt.NDArray[np.float64], cases: Sequence[int]) -> tuple[float, float]:
    """95 % bootstrap interval of the mean difference. Whole cases are drawn: the points of one are not independent."""
    _, index = np.unique(np.asarray(cases), return_inverse=True)
    sums, counts = np.bincount(index, differences), np.bincount(index)
    draws = np.random.default_rng(0).integers(0, len(sums), (_DRAWS, len(sums)))
    low, high = np.quantile(sums[draws].sum(1) / counts[draws].sum(1), (0.025, 0.975))
    return float(low), float(high)


def evaluate(model: Model, settings: Sequence[Setting], *, choose: Choice | None = None,
             advance: Callable[[], None] = lambda: None) -> list[dict[str, Any]]:
    """A table per setting: ``{name, edits, layout, cases, positions, policies: {name: figures}, floor_kl}``.

    ``floor_kl`` is what rounding alone makes of two full prefills in other chunks and slots; 0 in float32 and better.

    ``choose`` is the repair of ``pie_repair``, by default the :data:`BUDGET` worthiest rows.
    """
    return [_setting(model, setting, choose or worthiest(BUDGET), advance) for setting in settings]


def _setting(model: Model, setting: Setting, choose: Choice, advance: Callable[[], None]) -> dict[str, Any]:
    judged = {name: Judged() for name in (*POLICIES, FLOOR)}
    tokens = []
    for number, case in enumerate(setting.cases):
        scripted = script(model, case, plain=setting.plain)
        tokens.append(len(scripted.start))
        for name, outcome in run(model, scripted, choose).items():
            _add(judged[name], outcome, number)
        advance()
    full = judged["full"]
    return {
        "name": setting.name,
        "edits": setting.edits,
        "layout": "plain" if setting.plain else model.template.order,
        "cases": len(setting.cases),
        "document_tokens": int(np.mean(tokens)) if tokens else 0,
        "positions": len(full.kl),
        "policies": {name: judged[name].figures(full) for name in POLICIES if judged[name].kl},
        "floor_kl": float(np.mean(judged[FLOOR].kl)) if judged[FLOOR].kl else 0.0,
    }


def run(model: Model, scripted: Script, choose: Choice) -> dict[str, Judged]:
    """Every policy on one script."""
    decoder, limit = model.decoder, model.decoder.context_length
    exact, _, _ = prefilled(decoder, scripted.start, limit)
    judged = {name: Judged() for name in (*POLICIES, FLOOR)}
    coarse = decoder.dtype not in (torch.float32, torch.float64)
    conflict = followed(copied(exact, Unrotated(decoder)), scripted.steps, None, judged["conflict"].spent, seam=0)
    pie = followed(copied(exact), scripted.steps, None, judged["pie"].spent, seam=0)
    seamed = followed(copied(exact), scripted.steps, None, judged["pie_seam"].spent)
    repaired = followed(copied(exact), scripted.steps, choose, judged["pie_repair"].spent)
    final, _, seconds = prefilled(decoder, scripted.steps[-1], limit)
    judged["full"].spent = Spent(1, len(final.rows), seconds)
    judged["ignored"].spent.edits = len(scripted.steps)
    rested = None
    if _plain(scripted.probes[-1]):  # every point is a prefix of what is exact then
        judged["refreshed"].spent.edits = 1
        rested = refreshed(copied(pie), judged["refreshed"].spent)
    for probe in scripted.probes:
        caches: dict[str, ResidentCache] = {
            "full": _exact_at(final, probe, scripted), "ignored": _exact_before(exact, probe),
            "conflict": copied(conflict, conflict.decoder), "pie": copied(pie), "pie_seam": copied(seamed),
            "pie_repair": copied(repaired),
        }
        said = {
            name: ask(cache, probe.before if name == "ignored" else probe.layout, probe, model.tokenizer,
                      choose=choose if name == "pie_repair" else None,
                      seam=SEAM if name in ("pie_seam", "pie_repair") else 0)
            for name, cache in caches.items()
        }
        if coarse:
            caches[FLOOR] = prefilled_otherwise(decoder, probe.layout, limit)
            said[FLOOR] = ask(caches[FLOOR], probe.layout, probe, model.tokenizer, decode=False)
        if rested is None:
            judged["refreshed"].spent.edits += 1
            caches["refreshed"] = refreshed(copied(caches["pie"]), judged["refreshed"].spent)
        else:
            caches["refreshed"] = copied(rested)
        said["refreshed"] = ask(caches["refreshed"], probe.layout, probe, model.tokenizer)
        _judge(judged, said, probe)
        if probe is scripted.probes[-1]:
            _compare_keys(judged, caches, scripted)
    return judged


def _exact_at(final: ResidentCache, probe: Probe, scripted: Script) -> ResidentCache:
    """A cache that knows nothing but full prefills."""
    if _plain(probe):  # a prefix of what is there
        return copied(final)
    return prefilled(final.decoder, probe.layout, final.limit)[0]


def _exact_before(exact: ResidentCache, probe: Probe) -> ResidentCache:
    if _plain(probe):
        return copied(exact)
    return prefilled(exact.decoder, probe.before, exact.limit)[0]


def _plain(probe: Probe) -> bool:
    return probe.layout.text_last and not probe.layout.suffix[1]


def _judge(judged: dict[str, Judged], said: dict[str, Said], probe: Probe) -> None:
    full, line = said["full"], true_line(probe.truth)
    matters = (full.top != said["ignored"].top).tolist()
    for name, one in said.items():
        into = judged[name]
        into.kl += divergence(full, one).tolist()
        into.same += (full.top == one.top).tolist()
        into.matters += matters
        into.region += [probe.region] * len(matters)
        into.exact.append(one.line == line)
        into.caret_rows.append(one.rows)
        into.caret_seconds.append(one.seconds)
        into.similar.append(similarity(one.line, line))


def _compare_keys(judged: dict[str, Judged], caches: dict[str, ResidentCache], scripted: Script) -> None:
    """Keys of the rows that were there before the edits and stand behind the first of them."""
    start = scripted.start
    last = scripted.probes[-1].layout.cells
    changed = np.flatnonzero(np.isin(start.cells, scripted.steps[-1].cells, invert=True))
    first = int(changed[0]) if len(changed) else 0
    cells = np.intersect1d(start.cells[first:], last)
    for name, cache in caches.items():
        judged[name].cosine.append(key_cosine(caches["full"], cache, cells))


def _add(total: Judged, one: Judged, case: int) -> None:
    total.case += [case] * len(one.exact)
    total.document += [case] * len(one.kl)
    for name in ("kl", "same", "region", "matters", "exact", "similar", "caret_rows", "caret_seconds", "cosine"):
        getattr(total, name).extend(getattr(one, name))
    total.spent.edits += one.spent.edits
    total.spent.rows += one.spent.rows
    total.spent.seconds += one.spent.seconds


def _percent(shares: Any) -> float:
    return round(100 * float(np.mean(shares)), 2) if len(shares) else 100.0


def positions(tables: Iterable[dict[str, Any]]) -> int:
    """Teacher-forced positions of all tables together."""
    return sum(int(table["positions"]) for table in tables)
