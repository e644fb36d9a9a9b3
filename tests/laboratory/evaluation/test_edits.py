"""Real edits and the policies that follow them: the cases are what they say, the table can tell good from bad."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kvlsp.cache.choosing import SEAM, overdue
from kvlsp.cache.worth import worthiest
from kvlsp.laboratory.commands.choices import with_part
from kvlsp.laboratory.evaluation import edits, gate
from kvlsp.laboratory.evaluation.edits_cases import Case, drawn, many_hunks, single_hunks, typed
from kvlsp.laboratory.evaluation.edits_policies import (
    Spent,
    Unrotated,
    copied,
    followed,
    prefilled,
    prefilled_otherwise,
)
from kvlsp.laboratory.evaluation.edits_probe import key_cosine, similarity, true_line
from kvlsp.laboratory.evaluation.edits_scripts import MOST_FOLLOWING, MOST_TRUTH, script
from kvlsp.laboratory.evaluation.edits_suite import settings
from kvlsp.laboratory.evaluation.edits_versions import Hunk, Revision, hunks_between, sampled
from kvlsp.laboratory.evaluation.rename import places, probe
from kvlsp.text.rope import Rope
from kvlsp.tokens.document import TokenizedText
from tests.support.models import tiny_model

SAMPLED = sampled()


def rebuilt(revision: Revision) -> list[str]:
    lines = list(revision.before)
    for hunk in reversed(revision.hunks):
        lines[hunk.start : hunk.end] = hunk.lines
    return lines


def test_hunks_lead_from_one_version_to_the_next():
    before, after = "a\nb\nc\nd\n".splitlines(True), "a\nB\nc\nd\ne\n".splitlines(True)
    found = hunks_between(before, after)
    assert found == (Hunk(1, 2, ("B\n",)), Hunk(4, 4, ("e\n",)))
    assert rebuilt(Revision("p", "f.py", tuple(before), found)) == after


def test_the_sample_has_four_packages_and_every_kind_of_hunk():
    assert {revision.package for revision in SAMPLED} == {"click", "jinja2", "trio", "werkzeug"}
    hunks = [hunk for revision in SAMPLED for hunk in revision.hunks]
    assert any(hunk.start == hunk.end for hunk in hunks)
    assert any(not hunk.lines for hunk in hunks)
    assert any(hunk.start < hunk.end and hunk.lines for hunk in hunks)


def check(case: Case) -> None:
    after = case.after
    assert len(case.points) >= 2
    for point in case.points:
        for text in (case.before, after):
            assert text[len(text) - point.behind] == "\n"
        assert case.before[-point.behind :] == after[-point.behind :]
        assert point.truth.startswith("\n")
        assert true_line(point.truth)


def test_cases_are_edits_with_the_same_text_behind_every_point():
    cases = list(single_hunks(SAMPLED, 2500))
    assert len(cases) > 50
    for case in cases:
        check(case)
        assert len(case.edits) == 1
        assert case.before != case.after
    assert {point.region for case in cases for point in case.points} == {"near", "function", "far"}


def test_many_hunks_are_many_edits_and_typed_ones_are_keystrokes():
    for case in many_hunks(SAMPLED, 5000, 10):
        check(case)
        assert len(case.edits) == 10
    (case, *_) = typed(SAMPLED, 2500, 100)
    check(case)
    assert len(case.edits) == 100
    assert all(len(edit.text) <= 1 for edit in case.edits)


def test_cases_are_drawn_evenly_and_always_the_same():
    first, again = (drawn(single_hunks(SAMPLED, 2500), 8, seed=1) for _ in range(2))
    assert first == again
    assert len({case.name.split("/")[0] for case in first}) == 4


@pytest.mark.parametrize("plain", [True, False])
def test_a_script_has_the_layouts_of_the_texts(plain):
    model = tiny_model(1)
    (case,) = drawn(single_hunks(SAMPLED, 1500), 1)
    scripted = script(model, case, plain=plain)
    whole = TokenizedText.of(model.tokenizer, Rope.of(case.after)).ids
    markers = 0 if plain else 3
    assert len(scripted.steps[-1]) == len(whole) + markers
    for point, one in zip(case.points, scripted.probes, strict=True):
        first, last = one.layout.prefix
        assert model.tokenizer.decode(one.layout.ids[first:last]) == case.after[: len(case.after) - point.behind]
        first, last = one.before.prefix
        assert model.tokenizer.decode(one.before.ids[first:last]) == case.before[: len(case.before) - point.behind]


def test_what_is_forced_goes_on_behind_the_lines_taken_out_where_the_text_does():
    model = tiny_model(1)
    (case,) = drawn(single_hunks(SAMPLED, 1500), 1)
    for plain, most in ((True, MOST_FOLLOWING), (False, MOST_TRUTH)):
        for point, one in zip(case.points, script(model, case, plain=plain).probes, strict=True):
            following = case.after[len(case.after) - point.behind :] if plain else ""
            assert (point.truth + following).startswith(model.tokenizer.decode(one.ids.tolist()))
            assert len(one.ids) == min(most, len(model.tokenizer.encode(point.truth + following, initial=False).ids))


def test_typing_that_never_rests_has_its_oldest_rows_encoded_between_keystrokes():
    model = tiny_model(2)
    (case,) = drawn(typed(SAMPLED, 1500, 100), 1)
    scripted = script(model, case, plain=True)
    cache, _, _ = prefilled(model.decoder, scripted.start, 4096)
    pie, repaired = Spent(), Spent()
    assert overdue(followed(copied(cache), scripted.steps, None, pie))
    assert not overdue(followed(copied(cache), scripted.steps, worthiest(0), repaired))
    assert repaired.rows > pie.rows


def test_a_document_counts_once_in_the_median_however_many_positions_it_has():
    judged = edits.Judged(kl=[1.0, 3.0, 5.0, 9.0], document=[7, 7, 8, 9], same=[True] * 4, region=["near"] * 4,
                          matters=[False] * 4, exact=[True], similar=[1.0], case=[7], caret_rows=[1],
                          caret_seconds=[1.0], cosine=[1.0])
    figures = judged.figures(judged)
    assert (figures["kl"], figures["kl_median_document"]) == (4.5, 5)


def test_an_interval_draws_whole_cases():
    gain = np.array([1.0, 1.0, -1.0, -1.0])
    assert edits.paired_interval(gain, [0, 1, 2, 3]) == (-1, 1)
    assert edits.paired_interval(gain, [0, 0, 0, 0]) == (0, 0)
    low, high = edits.paired_interval(np.array([0.0] * 50 + [-1.0] * 2), list(range(52)))
    assert -0.1 < low < high == 0


def test_settings_are_chosen_by_name():
    model = tiny_model(1, "suffix_first")
    found = settings(model, SAMPLED, characters=1500, cases=2, quick=True)
    assert [setting.name for setting in found] == [
        "one hunk, plain order", "10 hunks, plain order", "100 keystrokes, plain order",
        "one hunk, suffix first", "10 hunks, suffix first",
    ]
    names = [setting.name for setting in found]
    assert with_part("one hunk", names, "setting") == ["one hunk, plain order", "one hunk, suffix first"]
    assert with_part("", names, "setting") == names


def test_a_copy_has_the_rows_and_none_of_the_arrays():
    scripted = script(tiny_model(2), drawn(single_hunks(SAMPLED, 1500), 1)[0], plain=True)
    cache, _, _ = prefilled(tiny_model(2).decoder, scripted.start, 4096)
    twin = copied(cache)
    twin.check_integrity()
    twin.arrays().keys[0].zero_()
    assert cache.arrays().keys[0].any()
    cache.check_integrity()


def test_other_chunks_and_slots_are_the_same_rows():
    model = tiny_model(2)
    scripted = script(model, drawn(single_hunks(SAMPLED, 1500), 1)[0], plain=True)
    ours, _, _ = prefilled(model.decoder, scripted.start, 4096)
    theirs = prefilled_otherwise(model.decoder, scripted.start, 4096)
    theirs.check_integrity()
    assert theirs.rows.slots.tolist() != ours.rows.slots.tolist()
    assert key_cosine(ours, theirs, ours.rows.cells) == pytest.approx(1, abs=1e-6)


@pytest.fixture(scope="module")
def tables():
    model = tiny_model(2)
    cases = tuple(drawn(single_hunks(SAMPLED, 1500), 2))
    return {plain: edits.evaluate(model, [edits.Setting("one", 1, plain, cases)])[0] for plain in (True, False)}


@pytest.mark.parametrize("plain", [True, False])
def test_the_table_tells_policies_apart(tables, plain):
    table = tables[plain]
    kl = {name: figures["kl"] for name, figures in table["policies"].items()}
    assert list(kl) == ["full", "ignored", "conflict", "pie", "pie_seam", "pie_repair", "refreshed"]
    assert kl["full"] == 0
    assert kl["refreshed"] < 1e-6  # logits are compared in float32
    assert kl["refreshed"] < kl["pie_repair"] < kl["conflict"]
    assert kl["pie_repair"] <= kl["pie"]
    assert table["positions"] > 64
    assert table["policies"]["full"]["top1_agreement"] == 100
    assert table["policies"]["ignored"]["where_it_matters"]["top1_agreement"] == 0
    rows = {name: figures["encoded_tokens"] for name, figures in table["policies"].items()}
    assert rows["ignored"] == 0
    assert rows["conflict"] == rows["pie"] < rows["pie_seam"] <= rows["pie"] + SEAM
    keys = {name: figures["key_cosine"] for name, figures in table["policies"].items()}
    assert keys["refreshed"] == pytest.approx(1, abs=1e-5)
    assert keys["conflict"] < keys["pie"]


def test_with_one_layer_repair_is_exact_and_the_gate_lets_it_pass():
    verdict = gate.judge(tiny_model(1, "plain"), cases=1)
    assert verdict.policy == "repair"
    assert verdict.kl < 1e-6
    assert verdict.ignored_kl > 1e-3


def test_the_gate_stops_a_cache_that_does_not_follow():
    model = tiny_model(1, "plain")
    verdict = gate.judge(replace(model, decoder=Unrotated(model.decoder)), cases=1)
    assert verdict.policy != "repair"


def test_similarity_is_between_0_and_100():
    assert similarity("return x", "return x") == 100
    assert similarity("", "abc") == 0
    assert 50 < similarity("return x", "return y") < 100


def test_places_rename_a_definition_above_a_use():
    for place in list(places(SAMPLED, 800))[:50]:
        (edit,) = place.case.edits
        assert place.case.before[edit.start : edit.end] == place.old
        assert place.old not in place.case.before[edit.end :]
        assert place.new not in place.case.before
        assert place.case.after == place.case.before[: edit.start] + place.new + place.case.before[edit.end :]


def test_the_probe_leaves_out_places_that_say_nothing():
    found = probe(tiny_model(1, "plain"), list(places(SAMPLED, 300))[:3], 3)
    assert found["places"] == 0  # a random model names nothing
