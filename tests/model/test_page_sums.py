"""Sums of pages are the same however the bytes came."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.model.page_sums import PAGE, PageSums, of_file


@given(pages=st.integers(0, 4), cuts=st.lists(st.integers(0, 4 * PAGE // 8)), seed=st.integers(0, 99))
def test_pieces_of_any_length_give_the_sums_of_the_file(pages, cuts, seed, tmp_path_factory):
    data = bytes((seed + 7 * place + place // 256) % 256 for place in range(pages * PAGE))
    path = tmp_path_factory.mktemp("sums") / "file"
    path.write_bytes(data + b"more")
    sums = PageSums()
    ends = [*sorted(min(8 * cut, len(data)) for cut in cuts), len(data)]
    for first, last in zip([0, *ends], ends, strict=False):
        sums.add(memoryview(data[first:last]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kvlsp.model.page_sums._AT_ONCE", 2 * PAGE)
        assert sums.all().tolist() == of_file(path, len(data)).tolist()


def test_a_page_that_is_not_whole_has_no_sum(tmp_path):
    sums = PageSums()
    sums.add(memoryview(bytes(8)))
    with pytest.raises(ValueError):
        sums.all()
    (tmp_path / "file").write_bytes(bytes(PAGE))
    with pytest.raises(ValueError):
        of_file(tmp_path / "file", 2 * PAGE)


def test_a_file_that_is_cut_while_it_is_read_ends_no_process(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(16 * PAGE))
    asked = f"""
import os, pathlib
from kvlsp.model import page_sums
page_sums._AT_ONCE, sums = page_sums.PAGE, page_sums._sums
page_sums._sums = lambda data: os.truncate({str(path)!r}, page_sums.PAGE) or sums(data)
try:
    page_sums.of_file(pathlib.Path({str(path)!r}), 16 * page_sums.PAGE)
except ValueError:
    print("there are fewer")
"""
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "there are fewer", (done.returncode, done.stderr)
