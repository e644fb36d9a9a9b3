import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.completion.confidence import confidence, first_entropy


def test_entropy_of_known_rows():
    assert first_entropy(np.log([0.5, 0.5])) == pytest.approx(math.log(2))
    assert first_entropy([0.0, -math.inf]) == 0.0
    assert first_entropy([]) == 0.0


def test_sure_is_one_and_nothing_is_zero():
    assert confidence([0.0, 0.0], 0.0) == 1.0
    assert confidence([], 0.0) == 0.0


def test_less_likely_tokens_and_an_open_beginning_weigh():
    assert confidence([-0.1, -0.1], 0.2) > confidence([-0.5, -0.1], 0.2) > confidence([-0.5, -0.1], 2.0)


@given(st.lists(st.floats(-50, 0), max_size=20), st.floats(0, 12))
def test_between_zero_and_one(logprobs, entropy):
    assert 0.0 <= confidence(logprobs, entropy) <= 1.0
