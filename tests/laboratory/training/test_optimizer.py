from __future__ import annotations

import pytest
import torch
from torch import nn

from kvlsp.laboratory.training.optimizer import Muon, optimizers, orthogonalise, rate_factor
from tests.laboratory.training.test_network import small


@pytest.mark.parametrize("shape", [(16, 16), (16, 48), (48, 16)])
def test_orthogonalised_matrices_have_singular_values_near_one(shape: tuple[int, int]):
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)).float())
    assert values.min() > 0.4
    assert values.max() < 1.4


def test_muon_descends():
    torch.manual_seed(0)
    target, weight = torch.randn(8, 8), nn.Parameter(torch.zeros(8, 8))
    optimizer = Muon([weight], lr=0.05, weight_decay=0.0)
    losses = []
    for _ in range(60):
        loss = (weight - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


def test_every_parameter_has_one_optimizer():
    network = small()
    muon, adam = optimizers(network, 0.02, 0.003, 0.1)
    matrices, rest = muon.param_groups[0]["params"], adam.param_groups[0]["params"]
    assert len(matrices) + len(rest) == len(list(network.parameters()))
    assert all(matrix.dim() == 2 for matrix in matrices)
    assert any(parameter is network.embedding.weight for parameter in rest)


def test_rate_rises_stays_and_falls():
    factors = [rate_factor(step, fraction, 10, 0.4, 0.02) for step, fraction in
               ((0, 0.0), (4, 0.0), (50, 0.3), (100, 0.6), (150, 0.8), (200, 1.0))]  # fmt: skip
    assert factors == pytest.approx([0.1, 0.5, 1.0, 1.0, 0.51, 0.02])


def test_several_matrices_are_orthogonalised_as_each_alone():
    several = torch.randn(3, 24, 40, generator=torch.Generator().manual_seed(2))
    together = orthogonalise(several)
    alone = torch.stack([orthogonalise(one) for one in several])
    torch.testing.assert_close(together.float(), alone.float(), atol=0.02, rtol=0.02)
