"""What rounding loses, and that fewer bits lose more."""

from __future__ import annotations

import math

import pytest
import torch

from kvlsp import default_model
from kvlsp.laboratory.evaluation import rounding_loss
from kvlsp.laboratory.evaluation.rounding_loss import compare, measure


def test_nothing_is_lost_of_the_same() -> None:
    logits = torch.randn(5, 40).log_softmax(-1)
    loss = compare(logits, logits)
    assert (loss.kl, loss.agreement, loss.positions) == (0.0, 100.0, 5)


def test_the_divergence_is_that_of_the_expected_from_the_found() -> None:
    expected, found = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.25, 0.75]]).log()
    assert compare(found, expected).kl == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3))


def test_the_default_model_loses_little_in_eight_bits_and_more_in_four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounding_loss, "EXCERPTS", 2)
    monkeypatch.setattr(rounding_loss, "TOKENS", 128)
    eight, four = (measure(default_model.folder(), dtype) for dtype in ("int8", "int4"))
    assert eight.positions == four.positions == 2 * 64
    assert eight.kl < 0.01
    assert eight.kl < four.kl < 0.2
    assert eight.agreement > 93
