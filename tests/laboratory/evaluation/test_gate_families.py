"""The gate's number of every family, on its tiny random checkpoint: repair against ignoring the edit.

Random weights all but tie everywhere, so agreement with full recomputation says little here (it is printed, with -s);
the divergence must meet the gate's own bar. What real weights do is measured by ``kvlsp doctor --gate``.
"""

from __future__ import annotations

import pytest

from kvlsp.laboratory.evaluation import gate
from kvlsp.model.architecture import context_length
from kvlsp.model.transformers_decoder import TransformersDecoder
from kvlsp.opening.model import Model
from kvlsp.prompt.families import detect
from kvlsp.tokens.tokenizer import Tokenizer
from tests.support.architectures import SUPPORTED, build
from tests.support.byte_tokenizer import byte_tokenizer_json


@pytest.mark.slow
@pytest.mark.parametrize("family", SUPPORTED)
def test_repair_meets_the_bar_of_divergence(family, monkeypatch):
    monkeypatch.setattr(gate, "_CHARACTERS", 400)  # a byte is a token
    tokenizer, config = Tokenizer.from_json(byte_tokenizer_json()), SUPPORTED[family](2)
    decoder = TransformersDecoder(build(config), family, context_length(config))
    model = Model(family, family, decoder, tokenizer, detect(tokenizer.control), repair_budget=32)
    verdict = gate.judge(model, cases=1)
    print(f"\n{family}: {verdict}")
    assert verdict.positions >= 32
    assert verdict.ignored_kl > 0
    assert verdict.kl <= gate.GAIN * verdict.ignored_kl, str(verdict)
