"""One core stays free, unless someone has said otherwise; what is set holds in the thread that computes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
import torch

from kvlsp.config import Settings
from kvlsp.engine.engine import Engine
from kvlsp.messages import Configure, Event, Shutdown, StatusChanged
from kvlsp.opening import threads
from tests.support.models import tiny_model


@pytest.mark.parametrize(("cores", "environment", "expected"), [
    (1, {}, 1), (2, {}, 1), (8, {}, 7), (8, {"OMP_NUM_THREADS": "8"}, 8), (2, {"OMP_NUM_THREADS": ""}, 1),
])
def test_one_core_stays_free(cores: int, environment: dict[str, str], expected: int) -> None:
    assert threads.default_threads(cores, environment) == expected


@pytest.fixture
def unchanged() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("unchanged")
def test_a_changed_setting_reaches_the_thread_that_computes() -> None:
    """PyTorch remembers the number per thread: what the loading thread sets is not yet the engine's."""
    seen: list[int] = []

    def note(event: Event) -> None:
        if isinstance(event, StatusChanged) and event.kind == "ready":
            seen.append(torch.get_num_threads())  # told by the engine's thread

    settings = Settings(threads=3)
    engine = Engine(settings, note, lambda *_: tiny_model(1))
    engine.load()
    engine.turn(None)
    engine.post(Configure(dataclasses.replace(settings, threads=2)))
    for _ in range(600):
        if len(seen) == 2:
            break
        engine.turn(0.1)
    engine.post(Shutdown())
    engine.turn(0)
    assert seen == [3, 2]
