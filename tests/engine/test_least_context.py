"""The least window that the settings allow is enough to complete in a document that is longer."""

from __future__ import annotations

import dataclasses

import pytest

from kvlsp.config import LEAST_CONTEXT_TOKENS
from kvlsp.messages import Complete, StatusChanged
from tests.support.engine_bench import SETTINGS, TEXT, URI, Bench


@pytest.mark.parametrize("max_tokens", [30, 2048])
def test_completions_come_at_the_least_context(max_tokens):
    settings = dataclasses.replace(SETTINGS, context_tokens=LEAST_CONTEXT_TOKENS, max_tokens=max_tokens, candidates=5)
    bench = Bench(TEXT * 40, settings)
    for offset in (len(TEXT) * 20 - 1, len(TEXT) - 1, len(TEXT) * 40):  # where no code stands behind the caret
        request = Complete(next(bench.tickets), URI, bench.snapshot.version, offset, "invoked", bench.clock())
        bench.engine.post(request)
        bench.work()
        assert bench.answer(request).items
        bench.edit(offset, offset, "x\n")
        bench.work()
    assert [event for event in bench.events if isinstance(event, StatusChanged) and event.kind == "error"] == []
