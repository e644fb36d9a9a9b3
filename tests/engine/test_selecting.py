"""Choosing a token from logits on a GPU: nothing of the host is mixed with what lies there."""

from __future__ import annotations

import math

import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from kvlsp.engine.selecting import Selection
from tests.support.models import tiny_model


@pytest.mark.parametrize("number", [0, 1, 9])
@pytest.mark.parametrize("owed", ["", "a"])
def test_a_row_on_a_gpu_is_looked_at_there_or_brought_here_whole(number, owed):
    """torch's stand-in tensors know devices and no numbers: they refuse a mixture, then the first number asked for."""
    tokenizer = tiny_model().tokenizer
    with FakeTensorMode(allow_non_fake_inputs=True):
        logits = torch.empty(300, device="cuda")
        selection = Selection(tokenizer, frozenset({1, 2}), logits.device, owed=owed)
        with pytest.raises(DataDependentOutputException):
            selection.select(logits, number)


def test_a_probability_is_that_among_what_is_allowed():
    """What has to be spelled anyway makes nobody less sure."""
    tokenizer = tiny_model().tokenizer
    selection = Selection(tokenizer, frozenset({1, 2}), torch.device("cpu"), owed="a")
    token, logprob = selection.select(torch.zeros(tokenizer.vocabulary_size), 0)
    assert tokenizer.piece(token).startswith("a")
    assert logprob == pytest.approx(-math.log(len(tokenizer.starting_with("a"))), abs=1e-6)
