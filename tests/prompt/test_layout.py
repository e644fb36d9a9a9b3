"""Layouts: the three orders, the rows of the text, the identities of markers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kvlsp.prompt.layout import CONTEXT, Run, lay_out, overhead
from kvlsp.prompt.template import Template

PSM = Template("test", "prefix_first", begin=(9,), prefix=(1,), suffix=(2,), middle=(3,))
SPM = dataclasses.replace(PSM, order="suffix_first")
CLOSED = Template("closed", "suffix_first", suffix=(2,), middle=(1,), tail=(3,))
PLAIN = dataclasses.replace(PSM, order="plain")


def run(*ids: int) -> Run:
    return Run(np.array(ids, np.int32), np.array(ids, np.int64) + 1000)


@pytest.mark.parametrize(("template", "ids", "text_last"), [
    (PSM, [9, 1, 50, 51, 2, 60, 3], False),
    (SPM, [9, 1, 2, 60, 3, 50, 51], True),
    (CLOSED, [2, 60, 1, 50, 51, 3], False),
    (PLAIN, [9, 50, 51], True),
])
def test_orders(template, ids, text_last):
    layout = lay_out(template, run(50, 51), run(60))
    assert list(layout.ids) == ids
    assert layout.text_last == text_last
    assert list(layout.ids[slice(*layout.prefix)]) == [50, 51]
    if template.order != "plain":
        assert list(layout.ids[slice(*layout.suffix)]) == [60]
    assert overhead(template) == len(ids) - (3 if template.order != "plain" else 2)


@pytest.mark.parametrize("template", [PSM, SPM, CLOSED, PLAIN])
def test_cells_are_unique_and_name_the_same_rows_wherever_the_caret_is(template):
    one = lay_out(template, run(50, 51), run(60))
    other = lay_out(template, run(50), run(51, 60))
    for layout in (one, other):
        assert len(set(layout.cells.tolist())) == len(layout)
    if template.order != "plain":
        assert set(one.cells.tolist()) == set(other.cells.tolist())


def test_an_empty_document_is_its_markers():
    assert list(lay_out(SPM, run(), run()).ids) == [9, 1, 2, 3]


SEPARATED = dataclasses.replace(PSM, file_separator=(8,))


@pytest.mark.parametrize(("template", "ids"), [
    (SEPARATED, [9, 70, 71, 1, 50, 51, 2, 60, 3]),
    (dataclasses.replace(SEPARATED, order="suffix_first"), [9, 70, 71, 1, 2, 60, 3, 50, 51]),
    (dataclasses.replace(SEPARATED, order="plain"), [9, 70, 71, 50, 51]),
    (PSM, [9, 1, 70, 71, 50, 51, 2, 60, 3]),
    (SPM, [9, 1, 2, 60, 3, 70, 71, 50, 51]),
    (PLAIN, [9, 70, 71, 50, 51]),
])
def test_context_stands_behind_the_begin_token_or_right_before_the_text(template, ids):
    context = Run(np.array([70, 71], np.int32), CONTEXT - np.arange(2))
    with_it, without = lay_out(template, run(50, 51), run(60), context), lay_out(template, run(50, 51), run(60))
    assert list(with_it.ids) == ids
    assert list(with_it.ids[slice(*with_it.context)]) == [70, 71]
    assert list(with_it.ids[slice(*with_it.prefix)]) == [50, 51]
    assert set(without.cells.tolist()) == set(with_it.cells.tolist()) - set(context.serials.tolist())
    assert [cell for cell in with_it.cells if cell > CONTEXT] == without.cells.tolist()
