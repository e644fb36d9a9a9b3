from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer

from kvlsp.errors import ConfigurationError, ModelBroken
from kvlsp.laboratory.training.export import export, initialise_from
from kvlsp.laboratory.training.network import Network, causal_attention, fused_attention, seen_keys, weighted_loss
from kvlsp.laboratory.training.presets import PRESETS, Shape, preset
from tests.laboratory.training.test_examples import vocabulary

SMALL = Shape(400, 32, 2, 4, 2, 8, 64)


def small(seed: int = 0, shape: Shape = SMALL) -> Network:
    torch.manual_seed(seed)
    return Network(shape)


def test_shape_counts_its_parameters():
    assert sum(p.numel() for p in small().parameters()) == SMALL.parameters
    assert 5e6 < PRESETS["cpu"].shape.parameters < 10e6
    assert 2 * PRESETS["gpu"].shape.parameters < 48e6, "bytes in the wheel"


def test_phases_share_the_whole_budget():
    for each in PRESETS.values():
        assert sum(phase.share for phase in each.phases) == pytest.approx(1.0)
        assert each.phases[-1].length == each.shape.positions == 8192


def test_an_unknown_preset_names_those_there_are():
    with pytest.raises(ConfigurationError, match="cpu, gpu"):
        preset("tpu")


@pytest.mark.parametrize("length", [1, 5, 128, 300])
def test_attention_in_blocks_is_attention(length: int):
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 3, length, 8) for _ in range(3))
    expected = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    torch.testing.assert_close(causal_attention(query, key, value), expected)


@pytest.mark.parametrize("length", [5, 300])
def test_what_a_row_does_not_see_it_does_not_attend_to(length: int):
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 3, length, 8) for _ in range(3))
    unseen = torch.zeros(2, length, length, dtype=torch.bool)
    unseen[0, length // 2 :, 1 : length // 3] = True
    seen = torch.ones(length, length, dtype=torch.bool).tril() & ~unseen[:, None]
    expected = functional.scaled_dot_product_attention(query, key, value, attn_mask=seen)
    torch.testing.assert_close(causal_attention(query, key, value, unseen), expected)
    torch.testing.assert_close(fused_attention(query, key, value, seen_keys(unseen)), expected)
    torch.testing.assert_close(fused_attention(query, key, value), causal_attention(query, key, value))


def test_chunked_loss_is_cross_entropy_with_its_gradients():
    torch.manual_seed(0)
    hidden = torch.randn(70, 16, requires_grad=True)
    head = torch.randn(50, 16, requires_grad=True)
    targets, weights = torch.randint(0, 50, (70,)), torch.rand(70)
    each = functional.cross_entropy(hidden @ head.T, targets, reduction="none")
    (each * weights).sum().backward()
    expected = hidden.grad.clone(), head.grad.clone()
    hidden.grad = head.grad = None
    total, losses = weighted_loss(hidden, head, targets, weights, chunk=32)
    (total * 2).backward()
    torch.testing.assert_close(losses, each.detach())
    torch.testing.assert_close(hidden.grad, 2 * expected[0])
    torch.testing.assert_close(head.grad, 2 * expected[1])


def test_an_exported_model_is_the_same_in_transformers(tmp_path: Path):
    network = small()
    with torch.no_grad():  # what is exported is bfloat16
        for parameter in network.parameters():
            parameter.copy_(parameter.bfloat16().float())
    export(network, vocabulary(), tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    ids = torch.randint(7, 400, (2, 40))
    with torch.no_grad():
        torch.testing.assert_close(theirs(ids).logits, network.logits(ids), rtol=1e-4, atol=1e-5)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer.convert_tokens_to_ids(["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"]) == [
        1,
        2,
        3,
    ]
    assert tokenizer.eos_token_id == 0
    assert json.loads((tmp_path / "config.json").read_text())["tie_word_embeddings"] is True


def test_a_network_grown_in_depth_computes_what_the_old_one_did(tmp_path: Path):
    export(small(), vocabulary(), tmp_path)
    same, grown = small(1), small(1, Shape(400, 32, 3, 4, 2, 8, 64))
    initialise_from(same, tmp_path)
    initialise_from(grown, tmp_path)
    ids = torch.randint(7, 400, (1, 30))
    with torch.no_grad():
        torch.testing.assert_close(grown.logits(ids), same.logits(ids))


def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path: Path):
    with pytest.raises(ModelBroken, match="no checkpoint"):
        initialise_from(small(), tmp_path)
    export(small(), vocabulary(), tmp_path)
    with pytest.raises(ModelBroken, match="more than the 1"):
        initialise_from(small(0, Shape(400, 32, 1, 4, 2, 8, 64)), tmp_path)
    with pytest.raises(ModelBroken, match="another shape"):
        initialise_from(small(0, Shape(400, 16, 2, 4, 2, 8, 64)), tmp_path)
