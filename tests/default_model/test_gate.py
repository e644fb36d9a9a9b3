"""A model that ships passes the gate of `kvlsp doctor --gate`: one that completes better may be worse to repair."""

from __future__ import annotations

import pytest

from kvlsp.config import Settings
from kvlsp.laboratory.evaluation.gate import judge
from kvlsp.opening.model import open_model


@pytest.mark.slow
def test_its_cache_may_be_repaired():
    verdict = judge(open_model(Settings()))
    assert verdict.policy == "repair", str(verdict)
