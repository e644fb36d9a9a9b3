"""Packed eight-bit weights give what unpacked ones give, to the bit, and are taken where they are quicker."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.model import packed_int8
from kvlsp.model.int8 import Int8Weight, integer_linear
from kvlsp.model.loading import load
from kvlsp.model.packed_int8 import PackedInt8, packed_linear, worthwhile
from kvlsp.model.rows import EVERY, RowBatch
from tests.support.decoders import tiny_llama
from tests.support.reference import ids_of

packs = pytest.mark.skipif(not packed_int8._same(), reason="this PyTorch packs no eight-bit weights here")


@packs
@given(rows=st.integers(0, 40), outputs=st.integers(1, 200), inputs=st.integers(8, 300), seed=st.integers(0, 99))
def test_packed_products_are_the_same(rows: int, outputs: int, inputs: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    weight = Int8Weight.of(torch.randn(outputs, inputs, generator=generator))
    x = torch.randn(rows, inputs, generator=generator).mul_(100).bfloat16()
    bias = torch.randn(outputs, generator=generator).bfloat16()
    packed = PackedInt8.of(weight)
    assert torch.equal(packed_linear(x, packed), integer_linear(x, weight))
    assert torch.equal(packed_linear(x, packed, bias), integer_linear(x, weight, bias))
    assert torch.equal(packed_linear(x, weight, bias), integer_linear(x, weight, bias))


@packs
def test_a_model_says_the_same_packed(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    tiny_llama(2, dtype=torch.bfloat16, hidden_size=128, initializer_range=0.1).save_pretrained(tmp_path)
    found = []
    for pays in (False, True):
        monkeypatch.setattr("kvlsp.model.rounded.worthwhile", lambda width, pays=pays: pays)
        loaded = load(tmp_path, "cpu", "int8", in_integers=lambda width: True)
        assert isinstance(loaded.decoder.weights[1].down, PackedInt8) is pays
        ids, places = ids_of(30), torch.arange(30)
        found.append(loaded.decoder.forward(loaded.decoder.allocate(30), RowBatch(ids, places, places, EVERY)))
    assert torch.equal(*found)


def test_another_pytorch_packs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*given: object) -> None:
        raise RuntimeError("no such operator")

    monkeypatch.setattr(PackedInt8, "of", missing)
    worthwhile.cache_clear()
    assert not worthwhile(64)
    worthwhile.cache_clear()
