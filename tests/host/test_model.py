"""One model for all: loaded once, gone when nobody has it, kept for who comes next."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest

from kvlsp.config import Settings
from kvlsp.errors import ModelNotFound
from kvlsp.host.model import SharedModel
from kvlsp.opening.model import Model
from tests.support.writing import writing_model


class Loads:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self, *_: object) -> Model:
        self.count += 1
        return writing_model(1, b"abc", line=5)


@pytest.fixture
def loads() -> Loads:
    return Loads()


@pytest.fixture
def asked(loads: Loads) -> Callable[[], Model]:
    shared = SharedModel(loads)
    loads.shared = shared  # type: ignore[attr-defined]
    return lambda: shared(Settings(), lambda fraction, text: None)


def test_all_get_the_same(loads, asked):
    one, other = asked(), asked()
    assert one.decoder is other.decoder
    assert (one, loads.count) == (other, 1)


def test_when_nobody_has_it_any_more_it_is_loaded_again(loads, asked):
    one = asked()
    del one
    gc.collect()
    asked()
    assert loads.count == 2


def test_when_the_last_one_leaves_it_is_kept_for_the_next_and_no_longer(loads, asked):
    one = asked()
    loads.shared.keep()
    del one
    gc.collect()
    next_one = asked()
    assert loads.count == 1
    del next_one
    gc.collect()
    asked()
    assert loads.count == 2


def test_what_could_not_be_loaded_is_tried_again(loads):
    def fail(*_: object) -> Model:
        loads.count += 1
        raise ModelNotFound("It is not there.")

    shared = SharedModel(fail)
    for _ in range(2):
        with pytest.raises(ModelNotFound):
            shared(Settings(), lambda fraction, text: None)
    assert loads.count == 2


def test_the_memory_for_caches_is_known_when_a_model_was_loaded(loads, asked):
    shared = loads.shared
    assert shared.bound == 0
    asked()
    assert shared.bound > 0
    assert shared.host_bound == 0, "rows wait in host memory where the device has its own"
