"""Closing a document gives its cache back at once, without waiting for Python to look for circles.

Arrays weigh nothing in Python's reckoning, so that it looks for circles once in hundreds of documents.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kvlsp.messages import CloseDocument
from tests.support.engine_bench import CARET, TEXT, URI, Bench, complete


@pytest.fixture(autouse=True)
def no_search_for_circles() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def answered(bench: Bench) -> None:
    complete(bench, CARET)


def typed_further(bench: Bench) -> None:
    answered(bench)
    bench.edit(CARET, CARET, "w")
    complete(bench, CARET + 1)


def at_rest(bench: Bench) -> None:
    answered(bench)
    bench.rest()


def under_way(bench: Bench) -> None:
    bench.request(CARET)
    for _ in range(4):
        bench.engine.turn(0)


def failed(bench: Bench) -> None:
    def fail() -> None:
        raise RuntimeError("out of luck")

    bench.at_forward(3, fail)
    bench.request(CARET)
    bench.work()


def overtaken(bench: Bench) -> None:
    under_way(bench)
    bench.edit(0, 0, "# a line before\n")
    bench.work()


@pytest.mark.parametrize("happened", [answered, typed_further, at_rest, under_way, failed, overtaken])
def test_nothing_holds_a_closed_document(happened: Callable[[Bench], None]):
    bench = Bench(TEXT)
    held: list[Any] = [weakref.ref(bench.session.cache), weakref.ref(bench.session)]
    happened(bench)
    document = bench.document
    if document.session is not None:
        held.append(weakref.ref(document.session.cache))
    if document.job is not None and document.job.texts is not None:
        held += [weakref.ref(candidate.generation) for candidate in document.job.texts.all]
    del document
    bench.engine.post(CloseDocument(URI))
    bench.work()
    bench.events.clear()
    assert [reference() for reference in held] == [None] * len(held)
