"""Weights come back from a file to the bit; what is damaged, cut or foreign is none."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from kvlsp.model import kept_weights, opaque
from kvlsp.model.agreement import logits_of, rows_to_try
from kvlsp.model.kept_weights import Abandoned, Damaged, can_be_kept, read, write
from kvlsp.model.packed_int8 import PackedInt8
from kvlsp.model.rounded import rounded
from kvlsp.model.rows import EVERY, NONE, RowBatch
from kvlsp.model.transformers_decoder import TransformersDecoder
from tests.support.architectures import SUPPORTED, build
from tests.support.reference import ids_of

places_packed = pytest.mark.skipif(not opaque.available(), reason="this PyTorch does not place packed matrices")
FORMS = {
    "restored": ("int8", False, False), "integers": ("int8", True, False), "int4": ("int4", True, False),
    "int4, restored": ("int4", False, False),
    "packed": ("int8", True, True),
}  # fmt: skip


def decoder_of(form: str, family: str = "qwen2.5-coder", **shape):
    """A rounded decoder, and what it says of a few rows."""
    dtype, integers, packs = FORMS[form]
    config = SUPPORTED[family](2, hidden_size=128, intermediate_size=192, initializer_range=0.1, **shape)
    exact = TransformersDecoder(build(config, torch.bfloat16), family, 4096)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kvlsp.model.rounded.worthwhile", lambda width: packs)
        lean, _, tried = rounded(exact, dtype, integers=integers)
    return lean, tried


def kept(path, lean, tried, key: str = "key"):
    with open(path, "wb") as file:
        write(file, lambda: lean, key, {"name": "a model"}, tried)
    return path


@pytest.mark.parametrize("form", [pytest.param(one, marks=places_packed if one == "packed" else ()) for one in FORMS])
@pytest.mark.parametrize(("family", "tied"), [
    ("qwen2.5-coder", True), ("qwen2.5-coder", False), ("qwen3", True), ("granite", True),
])  # fmt: skip
def test_a_decoder_comes_back_to_the_bit(form, family, tied, tmp_path):
    lean, tried = decoder_of(form, family, tie_word_embeddings=tied)
    assert can_be_kept(lean)
    found = read(kept(tmp_path / "file", lean, tried), "key")
    again = found.decoder
    assert found.about == {"name": "a model"} == kept_weights.about(tmp_path / "file")
    assert (again.name, again.layers, again.context_length, again.bytes_per_slot) == (
        lean.name, lean.layers, lean.context_length, lean.bytes_per_slot)  # fmt: skip
    assert (again.table is again.output_layer[0]) is (lean.table is lean.output_layer[0]) is tied
    assert torch.equal(logits_of(again, rows_to_try(lean.vocabulary_size, lean.device)), tried)
    assert torch.equal(said(again), said(lean))


def said(decoder):
    """Its logits after rows were encoded, moved and encoded behind."""
    ids, places = ids_of(30), torch.arange(30)
    document = decoder.allocate(64)
    decoder.forward(document, RowBatch(ids, places, places, NONE))
    decoder.move(document, places[10:], places[10:] + 3)
    new = ids_of(3, seed=9)
    return decoder.forward(document, RowBatch(new, torch.arange(10, 13), 40 + torch.arange(3), EVERY))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return kept(tmp_path_factory.mktemp("kept") / "file", *decoder_of("integers")).read_bytes()


def refused(path, data: bytes, key: str = "key") -> None:
    path.write_bytes(data)
    with pytest.raises(Damaged):
        read(path, key)


def where_it_matters(data: bytes) -> int:
    """Behind the last page with a sum: what follows are the sums, and what was said."""
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return 8 + int.from_bytes(data[:8], "little") + header["sums"]["data_offsets"][1]


@given(share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=60)
def test_no_byte_can_change_unnoticed(share, bit, written, tmp_path_factory):
    changed = bytearray(written)
    changed[int(share * where_it_matters(written))] ^= 1 << bit
    refused(tmp_path_factory.mktemp("changed") / "file", bytes(changed))


def test_pages_that_changed_places_are_noticed(written, tmp_path):
    one, other = written[4 * 4096 : 5 * 4096], written[5 * 4096 : 6 * 4096]
    assert one != other
    refused(tmp_path / "file", written[: 4 * 4096] + other + one + written[6 * 4096 :])


@given(share=st.floats(0, 1, exclude_max=True))
@settings(max_examples=20)
def test_a_file_that_was_cut_is_none(share, written, tmp_path_factory):
    refused(tmp_path_factory.mktemp("cut") / "file", written[: int(share * len(written))])


def test_files_of_others_are_none(written, tmp_path):
    refused(tmp_path / "file", written, key="another")
    refused(tmp_path / "file", written.replace(b'"format": "1"', b'"format": "0"'))
    refused(tmp_path / "file", b"")
    refused(tmp_path / "file", bytes(100_000))
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none", "key")


def test_what_says_something_else_than_it_did_is_none(tmp_path):
    lean, tried = decoder_of("integers")
    with pytest.raises(Damaged, match="do not say"):
        read(kept(tmp_path / "file", lean, -tried), "key")


def test_every_tensor_begins_where_kernels_like_it(written, tmp_path):
    length = int.from_bytes(written[:8], "little")
    header = json.loads(written[8 : 8 + length])
    del header["__metadata__"]
    assert (8 + length) % 4096 == 0
    assert all(one["data_offsets"][0] % 64 == 0 for name, one in header.items()
               if not name.startswith(("filler", "tried")))
    (tmp_path / "file").write_bytes(written)
    with safe_open(tmp_path / "file", "pt") as file:
        assert file.get_tensor("layers.1.down.codes").shape == (128, 192)


def test_weights_that_are_gone_are_not_written_to_the_end(tmp_path):
    lean, tried = decoder_of("integers")
    answers = iter([lean, lean, None])
    with pytest.raises(Abandoned), open(tmp_path / "file", "wb") as file:
        write(file, lambda: next(answers), "key", {}, tried)
    with pytest.raises(Abandoned), open(tmp_path / "file", "wb") as file:
        write(file, lambda: lean, "key", {}, tried, lambda: False)


def test_other_decoders_have_no_such_file():
    exact = TransformersDecoder(build(SUPPORTED["llama"](1), torch.float32), "llama", 4096)
    assert not can_be_kept(exact)


@places_packed
def test_where_packed_matrices_cannot_be_placed_they_are_not_kept(monkeypatch):
    lean, _ = decoder_of("packed")
    assert isinstance(lean.weights[0].down, PackedInt8)
    monkeypatch.setattr("kvlsp.model.opaque.available", lambda: False)
    assert not can_be_kept(lean)


def test_another_pytorch_places_nothing(monkeypatch):
    def missing(*given: object) -> None:
        raise AttributeError("no such function")

    monkeypatch.setattr("kvlsp.model.opaque.placed", missing)
    opaque.available.cache_clear()
    assert not opaque.available()
    opaque.available.cache_clear()
