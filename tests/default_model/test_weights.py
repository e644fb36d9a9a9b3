"""The checkpoint that ships: small, whole, loadable by transformers as it is."""

from __future__ import annotations

import json

import torch
from transformers import AutoModelForCausalLM

from kvlsp import default_model
from kvlsp.laboratory.training.vocabulary import CONTROL_TOKENS, Vocabulary


def test_the_folder_is_whole_and_small():
    names = {path.name for path in default_model.folder().iterdir()}
    assert names >= {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md"}
    assert sum(path.stat().st_size for path in default_model.folder().iterdir()) <= 48_000_000


def test_control_tokens_have_the_ids_of_the_recipe():
    tokenizer = Vocabulary.load(default_model.folder() / "tokenizer.json").tokenizer
    assert [tokenizer.token_to_id(name) for name in CONTROL_TOKENS] == list(range(7))


def test_transformers_loads_it_and_it_knows_python():
    model = AutoModelForCausalLM.from_pretrained(default_model.folder(), dtype=torch.float32)
    vocabulary = Vocabulary.load(default_model.folder() / "tokenizer.json")
    ids = torch.tensor([vocabulary.encode("import os\n\n\nclass Box:\n    def __init__(")])
    with torch.no_grad():
        assert vocabulary.decode([int(model(ids).logits[0, -1].argmax())]).startswith("self")
    config = json.loads((default_model.folder() / "config.json").read_text(encoding="utf-8"))
    assert config["max_position_embeddings"] >= 8192
