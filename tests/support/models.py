"""A whole tiny model behind the production classes: random Llama in float64, byte tokenizer, template."""

from __future__ import annotations

import dataclasses
from functools import cache

import torch

from kvlsp.opening.model import Model
from kvlsp.prompt.families import detect
from kvlsp.prompt.template import Order
from kvlsp.tokens.tokenizer import Tokenizer
from tests.support.byte_tokenizer import byte_tokenizer_json
from tests.support.decoders import tiny_decoder


@cache
def tiny_model(layers: int = 2, order: Order = "suffix_first", *, heals: bool = True) -> Model:
    """Shared by tests: nothing in it changes."""
    tokenizer = Tokenizer.from_json(byte_tokenizer_json())
    template = dataclasses.replace(detect(tokenizer.control, order=order), heals=heals)
    return Model("tiny", "tiny random model", tiny_decoder(layers, dtype=torch.float64), tokenizer, template)
