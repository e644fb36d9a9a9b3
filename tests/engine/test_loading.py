"""Loading beside the loop: the model of the newest settings counts, whenever the others end and however."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import pytest

from kvlsp.config import Settings
from kvlsp.errors import ModelNotFound
from kvlsp.messages import Configure, DescribeDocument, DocumentDescribed, StatusChanged
from kvlsp.opening.model import LoadProgress, Model
from kvlsp.reasons import Reason
from tests.support.engine_bench import CARET, SETTINGS, TEXT, URI, Bench, complete, watched_model

SLOW = dataclasses.replace(SETTINGS, model="owner/slow")


class Hub:
    """Loads at once, but for the model ``owner/slow``: that one comes, or fails, when the test says so."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.may_end = threading.Event()
        self.begun, self.ended = threading.Event(), threading.Event()
        self.model, self.late = watched_model(), watched_model()
        self._failure = failure

    def __call__(self, settings: Settings, progress: LoadProgress) -> Model:
        if settings.model != SLOW.model:
            return self.model
        self.begun.set()
        assert self.may_end.wait(60)
        progress(0.5, "half of the slow model")
        self.ended.set()
        if self._failure is not None:
            raise self._failure
        return self.late


def wait_for(bench: Bench, model: Model) -> None:
    """Until the thread that loads it has reported."""
    for _ in range(600):
        if bench.engine.documents.model is model:
            return
        bench.engine.turn(0.1)
    raise AssertionError("The model does not come.")


@pytest.fixture
def offered() -> str:
    """What the model offers at CARET of TEXT."""
    return complete(Bench(TEXT), CARET - 1).items[0].text


@pytest.mark.parametrize("failure", [None, ModelNotFound("There is no owner/slow."), RuntimeError("disk full")])
def test_a_load_that_ends_after_a_newer_one_changes_nothing(failure: Exception | None, offered: str) -> None:
    hub = Hub(failure)
    bench = Bench(TEXT, load=hub)
    bench.engine.post(Configure(SLOW))
    bench.engine.turn(0)
    assert hub.begun.wait(60)
    assert complete(bench, CARET - 1).reason is Reason.NOT_READY
    bench.engine.post(Configure(SETTINGS))
    bench.engine.turn(0)
    wait_for(bench, hub.model)
    bench.work()
    seen = len(bench.events)
    hub.may_end.set()
    hub.ended.wait(60)
    bench.engine.turn(0.2)  # the older one reports
    assert bench.engine.documents.model is hub.model
    assert bench.events[seen:] == []
    assert [item.text for item in complete(bench, CARET - 1).items] == [offered]


def test_the_newest_settings_are_waited_for(offered: str) -> None:
    hub = Hub()
    bench = Bench(TEXT, load=hub)
    for settings in (SLOW, SETTINGS, SLOW):
        bench.engine.post(Configure(settings))
    for _ in range(3):
        bench.engine.turn(0)
    hub.may_end.set()
    wait_for(bench, hub.late)
    assert [item.text for item in complete(bench, CARET - 1).items] == [offered]


def test_another_model_does_not_offer_what_the_last_one_said(offered):
    bench = Bench(TEXT)
    complete(bench, CARET - 1)
    bench.engine.post(Configure(dataclasses.replace(SETTINGS, model="another")))
    bench.engine.turn(0)
    wait_for(bench, bench.model)
    answer = complete(bench, CARET - 1)
    assert [item.text for item in answer.items] == [offered]
    assert "remembered" not in answer.report


def test_without_a_model_edits_are_followed_and_requests_say_why():
    def load(*_: Any) -> Any:
        raise ModelNotFound("There is no model at nowhere.")

    bench = Bench(TEXT, load=load)
    assert complete(bench, 3).reason is Reason.NOT_READY
    bench.edit(0, 0, "x")
    bench.engine.post(DescribeDocument(9, URI))
    bench.work()
    (described,) = [e for e in bench.events if isinstance(e, DocumentDescribed)]
    assert described.description["version"] == 2
    assert StatusChanged("error", "There is no model at nowhere.") in bench.events
