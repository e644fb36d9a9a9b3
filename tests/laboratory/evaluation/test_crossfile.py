"""Lines that need a name of another file: the cases are what they say, the policies differ where they should."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from kvlsp.errors import ConfigurationError
from kvlsp.laboratory.commands.evaluate import app
from kvlsp.laboratory.evaluation import crossfile
from kvlsp.laboratory.evaluation.crossfile_cases import Case, cases, cropped, drawn
from kvlsp.laboratory.evaluation.crossfile_copying import curves, without
from kvlsp.laboratory.evaluation.crossfile_layouts import asked
from kvlsp.laboratory.evaluation.crossfile_packages import indexed, installed, released
from tests.support.models import tiny_model

PRICES = '''\
"""Prices."""


class Basket:
    """What somebody buys."""

    def __init__(self, lines):
        self.lines = lines

    def total_price(self):
        """In cents."""
        return sum(self.lines)

    def append(self, line):
        self.lines.append(line)


def round_price(cents):
    """To whole units."""
    return cents // 100


def either(): ...
'''
TILL = '''\
"""A till."""

import json
import os as system

from . import texts
from .prices import Basket, round_price
from .prices import either as other
from .texts import both


class Till:
    def __init__(self, basket):
        assert isinstance(basket, Basket), "no basket"
        self.basket = basket
        self.é = Basket([]), Basket

    def show(self):
        cents = self.basket.total_price()
        again = self.basket.total_price()
        self.basket.append(1)
        json.total_price(cents, again)
        return round_price(cents), both()

    def print(self):
        return other(self.show(), texts.greeting())
'''
SHOP = {
    "shop/__init__.py": "from shop.prices import Basket\n",
    "shop/prices.py": PRICES,
    "shop/texts.py": "def greeting():\n    return 'hello'\n\n\ndef both(): ...\n",
    "shop/more.py": "def both(): ...\n",
    "shop/till.py": TILL,
    "shop/broken.py": "def (:\n",
}


@pytest.fixture(scope="module")
def shop():
    with indexed({"shop": SHOP}) as packages:
        yield packages[0]


@pytest.fixture(scope="module")
def found(shop) -> list[Case]:
    return list(cases(shop, 4000))


def test_cases_are_the_lines_with_a_key_name_of_another_file(found):
    lines = [(case.kind, case.path, case.line.strip(), case.name, sorted(case.defined_in)) for case in found]
    prices, texts = ["shop/prices.py"], ["shop/texts.py"]
    assert lines == [
        ("first_use", "shop/till.py", 'assert isinstance(basket, Basket), "no basket"', "Basket", prices),
        ("later_use", "shop/till.py", "self.é = Basket([]), Basket", "Basket", prices),
        ("first_use", "shop/till.py", "return round_price(cents), both()", "round_price", prices),
        ("first_use", "shop/till.py", "return other(self.show(), texts.greeting())", "greeting", texts),
        ("member", "shop/till.py", "cents = self.basket.total_price()", "total_price", prices),
    ]


def test_a_document_ends_where_the_line_begins(found):
    for case in found:
        assert TILL.startswith(case.text + case.line + "\n")
        assert case.line[case.column :].startswith(case.name)


def test_a_name_of_the_file_itself_is_in_file():
    text = "import os\n" + "\n" * 10 + "def first():\n    return 1\n\n\ndef second():\n    return first() + 1\n"
    with indexed({"one": {"one/a.py": text}}) as (package,):
        (case,) = cases(package, 4000)
    assert (case.kind, case.line, case.name) == ("in_file", "    return first() + 1", "first")


def test_a_long_document_keeps_its_imports_and_its_end():
    text = "import a\nx = 1\nfrom b import (\n    c,\n)\n" + "y = 2\n" * 50 + "import d\nz = 3\n"
    short = cropped(text, 30, [0, 2, 3, 4, 55])
    assert short == "import a\nfrom b import (\n    c,\n)\n" + "y = 2\n" * 2 + "import d\nz = 3\n"
    assert cropped(text, 1000, [0]) == text


def test_cases_are_drawn_in_turn_and_always_the_same(found):
    first, again = (drawn(found * 2, 3, seed=1) for _ in range(2))
    assert first == again
    assert {kind: len(some) for kind, some in first.items()} == {
        "first_use": 3, "later_use": 2, "member": 2, "in_file": 0}


def test_packages_come_without_their_tests_from_folders_and_wheels(tmp_path: Path):
    for path in ("click/core.py", "click/_tests/test_core.py", "other/a.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x = 1\n")
    assert installed([tmp_path]) == {"click": {"click/core.py": "x = 1\n"}}
    with pytest.raises(ConfigurationError, match="--packages fetch"):
        installed([tmp_path / "other"])
    with pytest.raises(ConfigurationError, match="wheel of"):
        released(tmp_path)


@pytest.mark.parametrize("order", ["suffix_first", "plain"])
def test_a_case_is_laid_out_behind_the_pieces(shop, found, order):
    model = tiny_model(1, order)
    case = next(case for case in found if case.kind == "member")
    chunks = crossfile.chunks_for(model, shop, case, 2000)
    one = asked(model, case, chunks)

    def text(start, end):
        return model.tokenizer.decode(one.whole.ids[start:end])

    assert text(*one.head) == "shop"
    assert [text(*piece) for piece in one.pieces] == [f"{chunk.path}\n{chunk.text}\n" for chunk in chunks]
    assert text(*one.whole.prefix) == case.text == model.tokenizer.decode(one.bare.ids[slice(*one.bare.prefix)])
    assert text(one.pieces[-1][1], one.whole.prefix[0]).startswith("shop/till.py\n")
    assert model.tokenizer.decode(one.ids[slice(*one.name)].astype(np.int32)) == "total_price"
    assert len(set(one.whole.cells.tolist())) == len(one.whole)


def test_with_one_layer_placed_pieces_are_as_good_as_a_full_prefill(shop, found):
    """Keys and values depend on tokens alone there, so copies and rotations are exact."""
    model = tiny_model(1)
    one = asked(model, found[0], crossfile.chunks_for(model, shop, found[0], 2000))
    assert len(one.pieces) > 1
    outcomes = crossfile.judged(model, one, 8, 2)
    assert outcomes["none"].kl > 1e-6
    assert outcomes["chunks_ape"].kl > 1e-6
    for name in ("full", "chunks", "chunks_epic", "chunks_deviation", "chunks_repair"):
        assert outcomes[name].kl == pytest.approx(0, abs=1e-9), name
        assert outcomes[name].name_loss == pytest.approx(outcomes["full"].name_loss, abs=1e-9)


def test_with_more_layers_rows_buy_what_full_prefill_knows(shop, found):
    model = tiny_model(2)
    one = asked(model, found[0], crossfile.chunks_for(model, shop, found[0], 2000))
    some, all_ = crossfile.judged(model, one, 8, 2), crossfile.judged(model, one, 10_000, 10_000)
    assert some["chunks"].kl > 1e-6
    for name in ("chunks_epic", "chunks_deviation", "chunks_repair"):
        assert all_[name].kl == pytest.approx(0, abs=1e-9), name
        assert some["chunks"].rows < some[name].rows <= all_[name].rows
    new = len(one.whole) - (one.pieces[-1][1] - one.head[1]) - len(one.bare)  # the head, and the document's own path
    markers = 3  # of the template, behind what was put in
    assert some["chunks"].rows == new + 1 + markers
    assert some["chunks_repair"].rows == new + 1 + 8 - 1  # the caret's row was among the eight
    assert some["full"].rows == len(one.whole)


def test_where_nothing_is_found_all_policies_are_the_document_alone(found):
    outcomes = crossfile.judged(tiny_model(1), asked(tiny_model(1), found[0], ()), 8, 2)
    assert set(outcomes) == set(crossfile.POLICIES)
    assert len(set(outcomes.values())) == 1


def test_the_table_pairs_lines_and_says_what_is_kept(shop, found):
    tables = crossfile.evaluate(tiny_model(2), [shop], drawn(found, 2), tokens=2000, budget=8, first=2)
    figures = tables["first_use"].figures()
    assert figures["cases"] == 2
    assert figures["context_tokens"] > 100
    none, full = figures["policies"]["none"], figures["policies"]["full"]
    assert none["name_loss_gain"] == [0, 0, 0]
    assert none["effect_kept"] == 0
    assert none["name_spelt"] <= none["name_tokens"] <= 100
    assert full["effect_kept"] == 1
    assert full["name_loss_gain"][0] == pytest.approx(none["name_loss"] - full["name_loss"], abs=2e-4)


def test_what_is_kept_of_a_gain_is_said_only_of_a_clear_one():
    full = np.array([1.0, 2.0, 3.0, 2.0] * 5)
    assert crossfile.kept(full / 2, full) == [0.5, 0.5, 0.5]
    assert crossfile.kept(full, np.array([1.0, -1.0] * 10)) is None
    assert crossfile.kept(full[:4], full[:4]) is None


def test_retrieval_finds_the_defining_file(shop, found):
    uses = [case for case in found if case.kind == "first_use"]
    assert crossfile.retrieval([shop], uses) == {
        "cases": 3, "defining_file_in_first_3": 1.0, "defining_file_in_all": 1.0}
    assert crossfile.retrieval([shop], [])["defining_file_in_first_3"] == 0


def test_curves_compare_the_same_lines_at_every_distance(shop, found):
    uses = [case for case in found if case.kind == "first_use"]
    curve = curves(tiny_model(2), [shop], uses, distances=(0, 32))
    assert list(curve) == ["the_same_line", "the_definition", "the_definition_as_a_file"]
    assert {tuple(rows) for rows in curve.values()} == {(0, 32)}
    assert len({rows[0][0] for rows in curve.values()}) == 3
    assert curves(tiny_model(1), [shop], uses, distances=(100_000,))["the_definition"] == {}
    assert without("a b\nb\nc\n", "b") == "c\n"


def test_the_command_prints_settings_retrieval_and_copying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for path, text in SHOP.items():
        file = tmp_path / path.replace("shop", "click", 1)
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    monkeypatch.setattr("kvlsp.laboratory.training.corpus.default_folders", lambda: [tmp_path])
    monkeypatch.setattr("kvlsp.opening.model.open_model", lambda settings, progress: tiny_model(1))
    arguments = ["crossfile", "--cases", "1", "--copying", "1"]
    plain = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert "first use: 1 lines" in plain.stdout
    assert "chunks_repair" in plain.stdout
    report = json.loads(CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False).stdout)
    assert set(report["settings"]) == {"first_use", "later_use", "member"}
    wanted = {"exact_match", "edit_similarity", "name_recall", "name_loss", "encoded_tokens", "ms"}
    for setting in report["settings"].values():
        assert set(setting["policies"]) == set(crossfile.POLICIES)
        assert all(wanted <= set(one) for one in setting["policies"].values())
    assert report["retrieval"]["defining_file_in_first_3"] == 1.0
    few = ["--only", "member", "--policy", "repair", "--lookups", "0", "--json"]
    report = json.loads(CliRunner().invoke(app, [*arguments, *few], catch_exceptions=False).stdout)
    assert {kind: set(setting["policies"]) for kind, setting in report["settings"].items()} == {
        "member": {"none", "full", "chunks_repair"}}
    with pytest.raises(ConfigurationError, match=r"No setting has 'membr' in its name\. The names are: first_use"):
        CliRunner().invoke(app, ["crossfile", "--only", "membr"], catch_exceptions=False)
