"""The bench of placing: its counts on the tiny model. Its times are nobody's business here."""

from __future__ import annotations

import pytest

from kvlsp.laboratory.evaluation.placing import measure, pieces
from tests.support.models import tiny_model

TEXT = "def area(width, height):\n    return width * height\n\n" * 8
OTHERS = "".join(f"LIMIT_{number} = {number}\n" for number in range(60))


@pytest.fixture(scope="module")
def figures():
    return measure(tiny_model(2), TEXT, OTHERS, document=200, context=400, budget=9, repeats=1)


@pytest.fixture
def cases(figures):
    return {row["case"]: row for row in figures["cases"]}


def test_placing_encodes_no_row_of_the_document(figures, cases):
    own = len("\0workspace") + len("\0placing.py\n")
    for name in ("place all pieces", "place all pieces, repair 9 rows"):
        assert cases[name]["encoded"] == own
        assert cases[name]["copied"] > 350
        assert cases[name]["moved"] == figures["document_tokens"] + 3  # its markers move too
    assert cases["place all pieces"]["repaired"] == 1 + 3  # the row whose logits are wanted, and the markers
    assert 9 <= cases["place all pieces, repair 9 rows"]["repaired"] <= 10


def test_a_replaced_piece_alone_is_copied(cases):
    assert cases["replace the last piece"]["encoded"] == cases["replace the first piece"]["encoded"] == 0
    assert cases["replace the last piece"]["copied"] < cases["place all pieces"]["copied"] / 2
    assert cases["take all pieces away"]["copied"] == cases["take all pieces away"]["encoded"] == 0


def test_typing_behind_pieces_costs_what_it_costs_without(cases):
    typed = cases["type a character behind pieces"]
    assert (typed["copied"], typed["encoded"], typed["moved"]) == (0, 1, 0)


def test_pieces_are_whole_lines():
    cut = pieces(tiny_model(1), OTHERS, 300)
    assert len(cut) == 4
    assert all(piece.text.endswith("\n") for piece in cut)
    assert OTHERS.startswith("".join(piece.text for piece in cut))
