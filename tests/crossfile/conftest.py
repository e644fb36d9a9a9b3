"""A thread between fakes."""

from __future__ import annotations

import pytest

from tests.crossfile.between import Between


@pytest.fixture
def between():
    between = Between()
    yield between
    between.cross_file.stop()
