"""Memory runs out at a step of the engine's work: said in one way, and what nobody waits for is not tried at once."""

from __future__ import annotations

import dataclasses

import pytest

from kvlsp.cache.resident import ResidentCache
from kvlsp.engine.schedule import Decision, Facts, Work, schedule
from kvlsp.engine.shortage import PAUSE
from kvlsp.errors import OutOfMemory
from kvlsp.messages import Configure, Notice, StatusChanged
from tests.support.engine_bench import SETTINGS, Bench, complete

LINES = "".join(f"value_{number} = compute({number}, limit)\n" for number in range(200))
TORCH = RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory")
LLAMA = OutOfMemory("llama.cpp has no memory for a cache of 4,096 tokens. Choose a smaller model.")


class Scarce:
    """Memory of which there is none for a window that grows; ``tried`` counts how often one did."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        self.tried = 0
        self.error: Exception | None = error
        real = ResidentCache.reserve

        def reserve(cache: ResidentCache, slots: int) -> None:
            self.tried += 1
            if self.error is not None:
                raise self.error
            real(cache, slots)

        monkeypatch.setattr(ResidentCache, "reserve", reserve)


def grown(bench: Bench) -> int:
    """An edit, then quiet; how many rows there are."""
    bench.edit(0, 0, "x")
    bench.rest()
    return len(bench.session.cache.rows)


@pytest.mark.parametrize("error", [TORCH, LLAMA, MemoryError()], ids=["torch", "llama.cpp", "python"])
def test_a_window_that_cannot_grow_stays_small_for_a_while_and_suggestions_come(monkeypatch, error):
    scarce = Scarce(monkeypatch, error)
    bench = Bench(LINES)
    bench.rest()
    assert scarce.tried == 1
    small = grown(bench)
    assert 0 < small < 1000
    assert grown(bench) >= small, "what is there is not thrown away at each rest"
    assert complete(bench, len(str(bench.snapshot.text).split("\n")[0])).items
    assert scarce.tried == 1
    (notice,) = [event for event in bench.events if isinstance(event, Notice)]
    assert "Memory ran out" in notice.text
    assert not [event for event in bench.events if isinstance(event, StatusChanged) and event.kind == "error"]


def test_it_is_tried_again_later_and_under_other_limits(monkeypatch):
    scarce = Scarce(monkeypatch, TORCH)
    bench = Bench(LINES)
    bench.rest()
    bench.clock.pass_(PAUSE)
    grown(bench)
    assert scarce.tried == 2
    scarce.error = None
    bench.engine.post(Configure(dataclasses.replace(SETTINGS, cache_mib=64)))
    assert grown(bench) > 3000


@pytest.mark.parametrize(("holds", "work"), [
    ("misplaced", Work.PLACE), ("grows", Work.GROW), ("stale", Work.REFRESH), ("next_edit", Work.NEXT_EDIT),
    ("looked_at", Work.JUDGE), ("unremembered", Work.REMEMBER), ("rough", Work.REFINE),
])  # fmt: skip
def test_paused_work_is_passed_over_and_what_stands_below_it_is_done(holds, work):
    facts = Facts(0.0, **{holds: True}, keep_at=0.0)
    assert schedule(facts, 1.0) == Decision(work)
    assert schedule(dataclasses.replace(facts, paused=frozenset({work})), 1.0) == Decision(Work.KEEP)
    assert schedule(Facts(0.0, keep_at=0.0, paused=frozenset({Work.KEEP})), 1.0) == Decision(None)
