from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.laboratory.training.corpus import SourceFile
from kvlsp.laboratory.training.examples import Cursor, ExampleStream, fill_in_the_middle, fitted
from kvlsp.laboratory.training.vocabulary import (
    END,
    FILE,
    MIDDLE,
    PAD,
    PREFIX,
    REPOSITORY,
    SUFFIX,
    Vocabulary,
    train_vocabulary,
)
from tests.laboratory.training.test_corpus import module

FILES = tuple(
    SourceFile(package, f"{package}/m{i}.py", module(100 * len(package) + i, functions=3 + 5 * i), 1.0)
    for package in ("one", "three")
    for i in range(6)
)


@lru_cache
def vocabulary() -> Vocabulary:
    return Vocabulary(train_vocabulary((file.text for file in FILES), 400))


def stream(length: int = 256) -> ExampleStream:
    return ExampleStream(FILES, vocabulary(), length, "0", 4.0)


def test_both_orders_are_laid_out_as_the_template_says():
    psm = fill_in_the_middle([10, 11], [20], [30], suffix_first=False, middle_weight=3.0)
    assert psm.ids == [PREFIX, 10, 11, SUFFIX, 30, MIDDLE, 20, END]
    assert psm.weights == [1.0] * 6 + [3.0, 3.0]
    spm = fill_in_the_middle([10, 11], [20], [30], suffix_first=True, middle_weight=3.0)
    assert spm.ids == [PREFIX, SUFFIX, 30, MIDDLE, 10, 11, 20, END]


@given(st.lists(st.integers(), max_size=30), st.lists(st.integers(), max_size=30), st.integers(0, 40))
def test_fitting_keeps_what_is_nearest_to_the_hole(prefix: list[int], suffix: list[int], room: int):
    before, after = fitted(prefix, suffix, room)
    assert len(before) + len(after) == min(room, len(prefix) + len(suffix))
    assert before == prefix[len(prefix) - len(before) :]
    assert after == suffix[: len(after)]


def test_a_row_is_a_function_of_the_cursor_alone():
    first, second = stream(), stream()
    cursor = Cursor()
    for _ in range(5):
        row, after = first.row(cursor)
        again, after_again = second.row(cursor)
        np.testing.assert_array_equal(row.ids, again.ids)
        np.testing.assert_array_equal(row.weights, again.weights)
        assert row.unseen == again.unseen
        assert after == after_again != cursor
        second.row(Cursor(3, 0))  # reading elsewhere in between changes nothing
        cursor = after


@pytest.mark.parametrize("length", [128, 512])
def test_rows_are_full_and_padding_weighs_nothing(length: int):
    rows = stream(length)
    cursor, filled = Cursor(), []
    for _ in range(40):
        row, cursor = rows.row(cursor)
        ids, weights = row.ids, row.weights
        assert ids.shape == weights.shape == (length + 1,)
        assert (weights[ids == PAD] == 0).all()
        filled.append((ids != PAD).mean())
    assert np.mean(filled) > 0.8


def test_holes_put_together_again_are_the_file():
    """What stands around MIDDLE, in either order, is text of a file: prefix + middle + suffix."""
    texts = [file.text for file in FILES]
    rows, cursor, whole = stream(512), Cursor(), 0
    for _ in range(30):
        row, cursor = rows.row(cursor)
        for part in split(row.ids.tolist()):
            body = vocabulary().decode(part)
            whole += any(body in text for text in texts)
    assert whole > 20


def split(ids: list[int]) -> list[list[int]]:
    """prefix + middle + suffix of each suffix-first example of a row."""
    found = []
    for i, token in enumerate(ids[:-1]):
        if token == PREFIX and ids[i + 1] == SUFFIX and MIDDLE in ids[i:]:
            middle = ids.index(MIDDLE, i)
            end = ids.index(END, middle) if END in ids[middle:] else None
            if end is not None:
                found.append(ids[middle + 1 : end] + ids[i + 2 : middle])
    return found


def test_suffix_first_is_the_more_and_packages_come_together():
    rows, cursor = stream(512), Cursor()
    suffix_first = prefix_first = repositories = 0
    for _ in range(150):
        row, cursor = rows.row(cursor)
        listed = row.ids.tolist()
        for i in range(len(listed) - 1):
            if listed[i] == PREFIX:
                suffix_first += listed[i + 1] == SUFFIX
                prefix_first += listed[i + 1] != SUFFIX
        if listed[0] == REPOSITORY:
            repositories += 1
            assert listed.count(FILE) >= 1
    assert suffix_first > 1.4 * prefix_first > 0
    assert 30 < repositories < 75


def test_control_token_text_in_a_document_is_ordinary_text():
    ids = vocabulary().encode("x = '<|fim_middle|><|endoftext|>'")
    assert not {END, MIDDLE} & set(ids)
    assert vocabulary().decode(ids) == "x = '<|fim_middle|><|endoftext|>'"
