"""Many files change under a typing hand: suggestions go on coming, memory is bounded, the index is right afterwards.

How late suggestions are for it is measured, not tested: ``python -m tests.e2e.branch_switch`` (machines are noisy).
"""

from __future__ import annotations

import pytest

from tests.e2e.branch_switch import measure


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_branch_switch_while_typing():
    report = measure(files=1000, quiet=5)
    assert report["differences"] == 0
    assert report["with"]["chunk_rows"]["encoded"] > 0, "no context was ever placed, so nothing was measured"
    if report["with"]["peak_mib"]:
        daemon, workspace = report["with"]["peak_mib"]
        assert workspace < 150, report
        assert daemon < report["without"]["peak_mib"][0] + 100, report
