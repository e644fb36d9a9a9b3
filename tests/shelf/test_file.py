"""A file holds the rows that were written, or none: cut short, changed, foreign and older ones are refused."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from kvlsp.shelf import file as files
from kvlsp.shelf.file import Damaged, about, read, write
from kvlsp.shelf.shelved import leaving
from tests.support.models import tiny_model
from tests.support.shelves import LINES, kind_of, label_of, session_of, settled

MODEL = tiny_model(2)
KIND = kind_of(MODEL)


def bring(path: Path):
    return read(path, KIND.key, KIND.shapes, KIND.dtypes, KIND.vocabulary)


@pytest.fixture
def session():
    return settled(session_of(MODEL, LINES), 700)


@pytest.fixture
def path(tmp_path, session):
    rows = leaving(session.cache, narrow=False)
    assert rows is not None
    where = tmp_path / "some.rows"
    assert write(where, rows, label_of(KIND, 0.25)) == where.stat().st_size
    return where


def test_what_was_written_comes_back(path, session):
    found, rows = bring(path), session.cache.rows
    assert found.per_row == 0.25
    assert found.book.ids.tolist() == rows.ids.tolist()
    assert found.book.prefix == rows.prefix
    assert found.book.frontier == len(found.book) == len(rows)
    written = torch.from_numpy(rows.slots)
    for layer, (truth, values) in enumerate(zip(found.stored.truth, found.stored.values, strict=True)):
        assert torch.equal(truth, session.cache.keyvalues.truth[layer][:, written])
        assert torch.equal(values, session.cache.keyvalues.values[layer][:, written])


def test_the_text_is_told_in_its_order_and_the_caret_with_it(path, session):
    book = bring(path).book
    prefix, suffix = session.sides(700)
    assert book.ids[book.text].tolist() == [*prefix.ids.tolist(), *suffix.ids.tolist()]
    assert book.caret == len(prefix)


def test_the_library_reads_it_too(path):
    found = load_file(path)
    assert {"ids", "truth.0", "values.1", "checksum"} <= set(found)
    assert about(path)["name"] == MODEL.name


def test_rows_of_more_than_sixteen_bits_are_rounded_and_none_is_exact(tmp_path, session):
    rows = leaving(session.cache)
    write(tmp_path / "narrow.rows", rows, label_of(KIND))
    found = bring(tmp_path / "narrow.rows")
    assert {tensor.dtype for tensor in found.stored.truth} == {torch.float16}
    assert found.book.frontier == 0
    assert found.stored.nbytes == rows.nbytes


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_nobody_else_may_read_it_and_nothing_is_left_beside_it(path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [other.name for other in path.parent.iterdir()] == [path.name]


def test_a_byte_that_changed_anywhere_is_noticed(path):
    whole = path.read_bytes()
    for place in [*range(0, 64), *np.linspace(64, len(whole) - 1, 60).astype(int)]:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(Damaged):
            bring(path)
    path.write_bytes(whole)
    assert len(bring(path).book)


def test_a_file_cut_short_anywhere_is_noticed(path):
    whole = path.read_bytes()
    for length in [0, 1, 7, 8, 40, 4000, len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(Damaged):
            bring(path)


@pytest.mark.parametrize("other", [kind_of(MODEL, "elsewhere"), kind_of(tiny_model(1)),
                                   kind_of(tiny_model(2, "prefix_first"))])
def test_rows_of_another_model_or_template_are_not_taken(path, other):
    assert other.key != KIND.key
    with pytest.raises(Damaged):
        read(path, other.key, other.shapes, other.dtypes, other.vocabulary)


def test_rows_of_another_shape_are_not_taken_even_under_this_key(path):
    (heads, keys, values), *rest = KIND.shapes
    for shapes in [((heads, keys + 1, values), *rest), ((heads + 1, keys, values), *rest), KIND.shapes * 2]:
        with pytest.raises(Damaged):
            read(path, KIND.key, shapes, KIND.dtypes, KIND.vocabulary)
    with pytest.raises(Damaged):
        read(path, KIND.key, KIND.shapes, frozenset({torch.bfloat16}), KIND.vocabulary)
    with pytest.raises(Damaged):
        read(path, KIND.key, KIND.shapes, KIND.dtypes, 10)


def test_an_older_format_is_not_taken(path, monkeypatch):
    monkeypatch.setattr(files, "FORMAT", files.FORMAT + 1)
    with pytest.raises(Damaged):
        bring(path)


def test_a_disk_that_fails_leaves_what_was_there(path, session, monkeypatch):
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="space"):
        write(path, leaving(session.cache, narrow=False), label_of(KIND))
    assert path.read_bytes() == before
    assert [other.name for other in path.parent.iterdir()] == [path.name]


def test_another_reader_who_marks_it_as_used_meanwhile_is_no_harm(path, monkeypatch):
    opens = files.safe_open

    def used(*arguments):
        os.utime(path, (1.0, 1.0))
        return opens(*arguments)

    monkeypatch.setattr(files, "safe_open", used)
    assert len(bring(path).book)


def test_one_that_is_replaced_while_it_is_read_is_read_again(path, session, monkeypatch):
    opens, replacements = files.safe_open, iter(range(2))

    def replaced(*arguments):
        for _ in replacements:
            write(path, leaving(session.cache, narrow=False), label_of(KIND, 0.75))
            break
        return opens(*arguments)

    monkeypatch.setattr(files, "safe_open", replaced)
    assert bring(path).per_row == 0.75


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forks")
def test_killed_fifty_times_while_saving_there_is_never_a_wrong_row(tmp_path):
    done = subprocess.run([sys.executable, "-W", "ignore", "-m", "tests.shelf.killed", str(tmp_path), "50"],
                          cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "50 killed" in done.stdout
