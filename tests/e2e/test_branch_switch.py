"""5,000 files change under a typing hand: no suggestion is late for it, and the index is right afterwards."""

from __future__ import annotations

import pytest

from tests.e2e.branch_switch import measure

LATE = 50.0
"""Milliseconds."""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_branch_switch_of_5000_files_while_typing():
    report = measure(files=5000, quiet=40)
    assert report["differences"] == 0
    switch, alone = report["with"]["switch"], report["without"]["switch"]
    assert switch["median"] <= alone["median"] + LATE, report
    assert switch["p90"] <= alone["p90"] + LATE, report
    if report["with"]["peak_mib"]:
        daemon, workspace = report["with"]["peak_mib"]
        assert workspace < 150, report
        assert daemon < report["without"]["peak_mib"][0] + 100, report
    assert report["with"]["chunk_rows"]["encoded"] > 0, "no context was ever placed, so nothing was measured"
