"""A model that nobody uses gives its memory back and is loaded again at the next key; no text is lost."""

from __future__ import annotations

import dataclasses
import gc
import weakref

from kvlsp.messages import Configure, DescribeDocument, DocumentDescribed, StatusChanged
from kvlsp.reasons import Reason
from tests.support.engine_bench import CARET, SETTINGS, TEXT, URI, Bench, complete, watched_model

MINUTES = dataclasses.replace(SETTINGS, unload_minutes=5)


class Loads:
    """Each a model of its own, held by the engine alone."""

    def __init__(self) -> None:
        self.models: list[weakref.ref[object]] = []

    def __call__(self, *_: object) -> object:
        model = watched_model()
        self.models.append(weakref.ref(model.decoder))
        return model


def resting(minutes: float, settings=MINUTES) -> tuple[Bench, Loads]:
    loads = Loads()
    bench = Bench(TEXT, settings, load=loads)
    for _ in range(60):
        bench.clock.pass_(1)
        bench.work()
    bench.clock.pass_(60 * minutes - 60)
    bench.work()
    return bench, loads


def statuses(bench: Bench) -> list[str]:
    return [event.kind for event in bench.events if isinstance(event, StatusChanged)]


def loaded_again(bench: Bench) -> None:
    """The loading thread has reported."""
    for _ in range(100):
        bench.work()
        if bench.engine.documents.model is not None:
            return
        bench.engine.turn(0.1)
    raise AssertionError("It is not loaded again.")


def test_it_is_given_back_after_the_minutes_and_not_before():
    bench, _ = resting(4)
    assert bench.engine.documents.model is not None
    bench, loads = resting(5)
    assert bench.engine.documents.model is None
    assert statuses(bench)[-1] == "paused"
    gc.collect()
    assert loads.models[0]() is None, "something still holds the weights"
    assert bench.engine.patience() is None, "nothing is left to do"


def test_usually_it_stays():
    bench, _ = resting(100_000, SETTINGS)
    assert bench.engine.documents.model is not None


def test_a_key_loads_it_again_and_the_text_is_the_editors():
    bench, loads = resting(6)
    bench.edit(CARET, CARET + 5, "x")
    loaded_again(bench)
    assert len(loads.models) == 2
    bench.engine.post(DescribeDocument(1, URI))
    bench.work()
    [described] = [event for event in bench.events if isinstance(event, DocumentDescribed)]
    assert described.description["characters"] == len(TEXT) - 4
    assert complete(bench, CARET + 1).items


def test_a_request_is_answered_at_once_and_loads_it_again():
    bench, loads = resting(6)
    assert complete(bench, CARET).reason is Reason.NOT_READY
    loaded_again(bench)
    assert len(loads.models) == 2
    assert complete(bench, CARET).items


def test_what_is_no_work_of_the_users_loads_nothing():
    bench, loads = resting(6)
    bench.engine.post(DescribeDocument(1, URI))
    bench.engine.post(Configure(dataclasses.replace(MINUTES, max_lines=3)))
    bench.work()
    assert len(loads.models) == 1


def test_it_can_be_switched_on_later():
    bench, _ = resting(30, SETTINGS)
    bench.engine.post(Configure(MINUTES))
    bench.work()
    assert bench.engine.documents.model is None
