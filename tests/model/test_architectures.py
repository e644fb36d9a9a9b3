"""The real architectures of the families, tiny and random: right forward, right repair, honest refusal.

Norms (and in part experts) of transformers compute in float32, so logits agree to 1e-5 of the largest, not
to 1e-9.
"""

from __future__ import annotations

import pytest
import torch

from kvlsp.errors import UnsupportedModel
from kvlsp.model import transformers_decoder
from kvlsp.model.architecture import context_length, refuse
from kvlsp.model.keyvalues import KeyValues
from kvlsp.model.lean import LeanDecoder
from kvlsp.model.lean_layers import take_over
from kvlsp.model.lean_taken import quickest
from kvlsp.model.rows import EVERY, Branch, RowBatch
from kvlsp.model.transformers_decoder import TransformersDecoder
from tests.support.architectures import REFUSED, SUPPORTED, build
from tests.support.reference import ids_of, permuted

LEAN = {
    "llama", "codellama (theta 1e6)", "deepseek-coder (linear scaling)", "yi-coder (theta 1e7)",
    "llama3 scaling", "qwen2.5-coder", "qwen2.5-coder (yarn)", "qwen3", "codestral",
    "mistral (sliding window)", "granite", "seed-coder", "seed-oss",
}  # fmt: skip


def decoder_of(family: str, layers: int) -> TransformersDecoder:
    config = SUPPORTED[family](layers)
    refuse(config)
    return TransformersDecoder(build(config), family, context_length(config))


def encode(
    decoder: TransformersDecoder, document: KeyValues, ids: torch.Tensor, start: int, slots: torch.Tensor
) -> torch.Tensor:
    rows = torch.arange(start, start + len(ids))
    return torch.cat([
        decoder.forward(document, RowBatch(ids[a : a + 17], rows[a : a + 17], slots[a : a + 17], EVERY))
        for a in range(0, len(ids), 17)
    ])  # fmt: skip


def same(found: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-5) -> None:
    difference = float((found - expected).abs().max() / expected.abs().max())
    assert difference <= tolerance, f"they differ by {difference:.1e} of the largest"


@pytest.mark.parametrize("family", SUPPORTED)
def test_logits_are_those_of_transformers(family):
    ids = ids_of(60)
    decoder = decoder_of(family, 3)
    with torch.no_grad():
        expected = build(SUPPORTED[family](3))(input_ids=ids[None], use_cache=False).logits[0]
    same(encode(decoder, decoder.allocate(90), ids, 0, permuted(90)[:60]), expected)


@pytest.mark.parametrize("family", SUPPORTED)
def test_a_moved_token_is_as_if_it_had_been_there(family):
    ids, new = ids_of(60), ids_of(7, seed=3)
    after = torch.cat((ids[:20], new, ids[30:]))  # ten tokens replaced by seven
    for layers in (1, 3):
        decoder = decoder_of(family, layers)
        document, fresh, slots = decoder.allocate(90), decoder.allocate(90), permuted(90)
        encode(decoder, document, ids, 0, slots[:60])
        document.release(slots[20:30])
        decoder.move(document, slots[30:60], torch.arange(27, 57))
        encode(decoder, document, new, 20, slots[60:67])
        expected = encode(decoder, fresh, after, 0, torch.arange(57))
        order = torch.cat((slots[:20], slots[60:67], slots[30:60]))
        same(document.keys[0][:, order], fresh.keys[0][:, :57])
        same(document.values[0][:, order], fresh.values[0][:, :57])
        if layers == 1:
            at, hidden = torch.tensor([57]), torch.tensor([56])
            last = decoder.forward(
                document, RowBatch(after[-1:], at, slots[70:71], EVERY, Branch(1, hides=order[-1:]))
            )
            again = decoder.forward(fresh, RowBatch(after[-1:], at, at, EVERY, Branch(1, hides=hidden)))
            same(last, again)
        same(encode(decoder, document, after[20:], 20, order[20:]), expected[20:])


@pytest.mark.parametrize("family", SUPPORTED)
def test_which_families_run_lean(family):
    decoder = decoder_of(family, 2)
    assert isinstance(quickest(decoder), LeanDecoder) == (family in LEAN)


@pytest.mark.parametrize("family", REFUSED)
def test_refused_with_a_sentence(family):
    configure, word = REFUSED[family]
    config = configure(2)

    def take() -> None:
        refuse(config)
        TransformersDecoder(build(config), family, 100)

    with pytest.raises(UnsupportedModel) as refusal:
        take()
    assert word in str(refusal.value)
    assert str(refusal.value).endswith(".")


def test_dynamic_scaling_ends_at_the_original_length():
    assert context_length(SUPPORTED["phi3 (longrope)"](2)) == 1024
    assert context_length(SUPPORTED["qwen2.5-coder (yarn)"](2)) == 4096
    dynamic = SUPPORTED["llama"](2, rope_parameters={
        "rope_type": "dynamic", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 512,
    })  # fmt: skip
    assert context_length(dynamic) == 512


def test_a_lean_forward_that_differs_is_not_used(monkeypatch, caplog):
    monkeypatch.setattr("kvlsp.model.lean_taken._difference", lambda exact, lean: 0.5)
    decoder = decoder_of("llama", 2)
    assert quickest(decoder) is decoder
    assert "differs by 5.0e-01" in caplog.text


def test_fusing_leaves_one_copy_of_the_weights():
    decoder = decoder_of("qwen3", 2)
    lean = take_over(decoder)
    attention = decoder.model.model.layers[0].self_attn
    fused = lean.weights[0].queries_keys_values
    assert attention.q_proj.weight.data_ptr() == fused.data_ptr()
    assert attention.v_proj.weight.untyped_storage().data_ptr() == fused.untyped_storage().data_ptr()


def test_a_model_that_gives_other_logits_over_slots_is_refused(monkeypatch):
    """As one would whose attention does what no keyword argument and no single token shows."""
    honest = transformers_decoder.own_logits
    monkeypatch.setattr(transformers_decoder, "own_logits", lambda model, ids: honest(model, ids).roll(1, 0))
    with pytest.raises(UnsupportedModel, match="gives other logits than transformers"):
        decoder_of("llama", 2)
