"""What the engine does with a model on an Apple GPU, as far as a stand-in tells: no float64, nothing that MPS lacks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import pytest
import torch

from kvlsp.config import Settings
from kvlsp.messages import Complete, Completed, PlaceContext
from kvlsp.model.decoder import Decoder
from kvlsp.model.lean import LeanDecoder
from kvlsp.model.lean_taken import quickest
from kvlsp.model.memory import precision_for
from kvlsp.model.rows import EVERY, RowBatch
from kvlsp.model.transformers_decoder import TransformersDecoder
from kvlsp.opening.model import Model
from kvlsp.opening.repair_budget import measure
from kvlsp.reasons import Reason
from tests.engine.test_context import CONTEXT
from tests.support.decoders import tiny_llama
from tests.support.engine_bench import TEXT, URI, Bench, complete
from tests.support.models import tiny_model
from tests.support.pretend_mps import MPS, lacking, onto_mps, pretended_mps

SETTINGS = Settings(max_tokens=8, confidence=0.0, cross_file="always", next_edit="on", idle_ms=0)


@pytest.fixture
def mps() -> Iterator[None]:
    with pretended_mps():
        yield


def exact(layers: int = 2) -> TransformersDecoder:
    return TransformersDecoder(onto_mps(tiny_llama(layers, dtype=torch.float32)), "tiny", 4096)


def lean() -> Decoder:
    decoder = quickest(exact())
    assert isinstance(decoder, LeanDecoder)
    return decoder


def model_of(decoder: Decoder) -> Model:
    return dataclasses.replace(tiny_model(), decoder=decoder)


@pytest.mark.usefixtures("mps")
@pytest.mark.parametrize("make", [exact, lean])
def test_a_forward_gives_what_the_cpu_gives(make: Callable[[], Decoder]) -> None:
    decoder, rows = make(), torch.arange(30)
    assert decoder.device == MPS
    there = decoder.forward(decoder.allocate(30), RowBatch(rows + 40, rows, rows, EVERY))
    with torch.no_grad():
        wanted = tiny_llama(2, dtype=torch.float32)(rows[None] + 40).logits[0]
    torch.testing.assert_close(there.cpu(), wanted, atol=1e-3, rtol=1e-3)


@pytest.mark.usefixtures("mps")
@pytest.mark.parametrize("make", [exact, lean])
@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_gestures_of_an_editor(make: Callable[[], Decoder], temperature: float) -> None:
    settings = dataclasses.replace(SETTINGS, temperature=temperature, drafts=temperature == 0.0)
    model = model_of(make())
    bench = Bench(TEXT * 3, settings, lambda *_: model)
    end = len(TEXT)
    complete(bench, end)
    bench.engine.post(Complete(next(bench.tickets), URI, 1, end, "invoked", bench.clock()))  # candidates in branches
    bench.work()
    edits = ((end, end, "x = area("), (end + 3, end + 3, "1"), (0, 10, ""), (20, 20, "\n\ndef f():\n"))
    for start, stop, text in edits:
        bench.edit(start, stop, text)
        bench.work()
        complete(bench, max(0, start))
    bench.engine.post(dataclasses.replace(CONTEXT, uri=URI))
    bench.rest()
    complete(bench, 5)
    bench.engine.post(PlaceContext(URI, (), "", "memory.txt"))
    bench.rest()
    complete(bench, len(TEXT) * 2)
    answers = [event for event in bench.events if isinstance(event, Completed)]
    assert len(answers) == 8
    assert Reason.MODEL_ERROR not in {answer.reason for answer in answers}
    assert len(bench.session.cache.rows) > 0


@pytest.mark.parametrize(("newer", "dtype"), [(True, torch.bfloat16), (False, torch.float16)])
def test_the_precision_is_one_that_the_system_has(monkeypatch: pytest.MonkeyPatch, newer: bool, dtype: torch.dtype
                                                   ) -> None:
    monkeypatch.setattr("torch.backends.mps.is_macos_or_newer", lambda major, minor: newer)
    assert precision_for(MPS) == dtype


@pytest.mark.usefixtures("mps")
def test_what_is_measured_at_load() -> None:
    assert measure(lean()).points


@pytest.mark.usefixtures("mps")
def test_the_stand_in_refuses_what_it_should() -> None:
    rows = torch.ones(3, device="mps")
    with pytest.raises(TypeError, match="float64"):
        rows.double()
    with pytest.raises(RuntimeError, match="same device"):
        rows + torch.ones(3)
    with pytest.raises(NotImplementedError, match="_linalg_eigh"):
        torch.linalg.eigh(torch.ones(2, 2, device="mps"))
    assert len(lacking()) > 100
