"""What is read of a GGUF file's head, and what is said of files that are none; without llama.cpp."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("gguf", reason="the tests write GGUF files")

from kvlsp.errors import ModelBroken, ModelNotFound
from kvlsp.gguf.facts import facts
from kvlsp.gguf.metadata import read
from tests.support.llama import tiny_file, with_metadata


def test_texts_numbers_and_lists_are_read(tmp_path: Path) -> None:
    found = read(tiny_file(2))
    assert found["general.architecture"] == "llama"
    assert found["llama.block_count"] == 2
    assert found["llama.rope.freq_base"] == 10_000.0
    assert found["tokenizer.ggml.tokens"][1] == "<|fim_prefix|>"
    assert found["tokenizer.ggml.token_type"][:8] == [3] * 7 + [1]
    assert found["tokenizer.ggml.add_bos_token"] is False
    sizes = facts(found, tmp_path / "Tiny-F32.gguf")
    assert (sizes.name, sizes.context_length, sizes.numbers) == ("Tiny-F32", 4096, 2 * 2 * (8 + 8))


def test_heads_of_each_layer_may_differ(tmp_path: Path) -> None:
    path = with_metadata(tiny_file(2), tmp_path / "a.gguf", {"llama.attention.head_count_kv": None})
    assert facts({**read(path), "llama.attention.head_count_kv": [2, 1]}, path).numbers == 3 * 16
    assert facts(read(path), path).numbers == 2 * 4 * 16  # as many as heads


def test_a_file_that_is_none_or_cut_off_is_refused_with_a_sentence(tmp_path: Path) -> None:
    whole = tiny_file(2).read_bytes()
    for name, data in (("text", b"no model at all, but text"), ("empty", b""), ("cut", whole[:900]),
                       ("head", whole[:10]),
                       ("version", whole[:4] + b"\x09\0\0\0" + whole[8:]),
                       ("counts", whole[:16] + b"\xff" * 8 + whole[24:])):  # fmt: skip
        path = tmp_path / f"{name}.gguf"
        path.write_bytes(data)
        with pytest.raises(ModelBroken, match="Fetch it again"):
            read(path)
    with pytest.raises(ModelNotFound):
        read(tmp_path / "nowhere.gguf")


def test_lists_within_lists_without_end_are_refused(tmp_path: Path) -> None:
    whole, path = tiny_file(2).read_bytes(), tmp_path / "nested.gguf"
    key = (1).to_bytes(8, "little") + b"a" + (9).to_bytes(4, "little")
    path.write_bytes(whole[:16] + (1).to_bytes(8, "little") + key + ((9).to_bytes(4, "little")
                     + (1).to_bytes(8, "little")) * 100_000)  # fmt: skip
    with pytest.raises(ModelBroken, match="Fetch it again"):
        read(path)


@pytest.mark.parametrize(("name", "value"), [
    ("llama.block_count", 2**32 - 1), ("llama.block_count", -1), ("llama.block_count", 0),
    ("llama.attention.head_count", -4), ("llama.attention.head_count_kv", [2, -1]),
    ("llama.attention.head_count_kv", 2**31), ("llama.embedding_length", 0), ("llama.embedding_length", 2**62),
    ("llama.attention.key_length", float("inf")), ("llama.context_length", "long"), ("llama.context_length", 0),
    ("llama.context_length", 2**62), ("llama.context_length", float("nan")), ("general.parameter_count", [1]),
])  # fmt: skip
def test_sizes_that_cannot_be_are_refused_before_anything_follows_from_them(tmp_path, name, value) -> None:
    path = tiny_file(2)
    with pytest.raises(ModelBroken, match="Fetch it again or choose another"):
        facts({**read(path), name: value}, path)


def test_a_file_that_says_nothing_of_its_layers_is_no_language_model(tmp_path: Path) -> None:
    path = with_metadata(tiny_file(2), tmp_path / "a.gguf", {"llama.block_count": None})
    with pytest.raises(ModelBroken, match="no language model"):
        facts(read(path), path)
