"""Sessions that take up what another left: whatever became of the text meanwhile, they are what a fresh start makes."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.cache.repair import repair
from kvlsp.cache.resident import ResidentCache
from kvlsp.cache.stored import StoredRows
from kvlsp.engine.warm import LEAST_SPARE, take_up
from kvlsp.laboratory.evaluation.oracle import token_mismatches
from kvlsp.model.transformers_decoder import TransformersDecoder
from kvlsp.prompt.families import detect
from kvlsp.shelf.shelved import Shelved, leaving
from kvlsp.shelf.worth import Worth
from kvlsp.tokens.tokenizer import Tokenizer
from tests.engine.test_growing import grow
from tests.engine.test_session import ALPHABET, act, steps, texts
from tests.support.decoders import tiny_llama
from tests.support.models import tiny_model
from tests.support.shelves import LINES, session_of, settled
from tests.support.tokenizers import tokenizer_json

ORDERS = ["suffix_first", "prefix_first", "plain"]
LONG = "".join(f"value_{number} = compute({number}, limit)\n" for number in range(60))
changes = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.3), texts), max_size=5)


def shelve(session, *, narrow: bool = False) -> Shelved:
    """As it lies on disk, without the disk."""
    rows = leaving(session.cache, narrow=narrow)
    assert rows is not None
    layers = list(rows.layers())
    stored = StoredRows(tuple(truth for truth, _ in layers), tuple(values for _, values in layers))
    return Shelved(rows.book, stored, 1.0)


def rest(session, caret: int) -> None:
    """All that idle moments do."""
    session.sync(caret)
    while session.wants_slide:
        grow(session, caret, 200)
    while session.refresh(256):
        pass


def logits(session, caret: int) -> torch.Tensor:
    _, settled = session.sync(caret, wanted=lambda layout: [len(layout) - 1])
    return settled.logits


def prefilled(session, caret: int) -> torch.Tensor:
    layout = session.layout(caret)
    last = [len(layout) - 1]
    return repair(ResidentCache(session.model.decoder, session.context), layout, wanted=last).logits


def changed(text: str, edits) -> str:
    for where, length, new in edits:
        start = int(where * len(text))
        text = text[:start] + new + text[min(len(text), start + int(length * length * len(text))) :]
    return text


@pytest.mark.parametrize("order", ORDERS)
@settings(deadline=None, max_examples=12)
@given(text=st.lists(ALPHABET, min_size=1, max_size=200).map("".join), history=steps, edits=changes,
       caret=st.floats(0, 1), grows=st.booleans(), room=st.sampled_from([4096, 700]))
def test_after_any_change_of_the_text_it_is_what_a_fresh_start_makes(order, text, history, edits, caret, grows, room):
    before = session_of(tiny_model(1, order), LINES[:300] + text, grows=grows)
    before.sync(10)
    for step in history:
        act(before, step)
    if not len(before.cache.rows):
        return
    today = changed(str(before.snapshot.text), edits)
    session = session_of(before.model, today, room, grows=grows)
    at = int(caret * len(today))
    take_up(session, shelve(before), Worth(), at)
    for _ in range(2 if at or order != "plain" else 0):  # else there is not one row
        torch.testing.assert_close(logits(session, at), prefilled(session, at), rtol=0, atol=1e-9)
        assert token_mismatches(session, at) == 0
        session.cache.check_integrity()
        if grows:
            rest(session, at)
            assert session.cache.stale == 0


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("narrow", [False, True])
@settings(deadline=None, max_examples=4)
@given(edits=changes, caret=st.floats(0, 1))
def test_at_rest_the_logits_are_those_of_a_prefill(order, narrow, edits, caret):
    before = settled(session_of(tiny_model(3, order), LONG), 700)
    today = changed(LONG, edits)
    session = session_of(before.model, today)
    at = max(1, int(caret * len(today)))
    take_up(session, shelve(before, narrow=narrow), Worth(), at)
    rest(session, at)
    session.cache.check_integrity()
    assert session.cache.stale == 0
    torch.testing.assert_close(logits(session, at), prefilled(session, at), rtol=0, atol=1e-9)


@pytest.mark.parametrize("order", ORDERS)
def test_an_unchanged_text_encodes_nothing_and_is_exact(order):
    before = settled(session_of(tiny_model(2, order), LONG), 1500)
    session = session_of(before.model, LONG)
    assert take_up(session, shelve(before), Worth(), None) == len(before.tokens.ids) or order == "plain"
    assert session.caret == 1500, "it goes on where the caret was"
    _, went = session.sync(session.caret)
    assert (went.encoded, went.repaired) == (0, 0)
    assert session.cache.stale == 0
    assert order == "plain" or not session.wants_slide


def test_of_many_changes_what_is_near_the_caret_is_encoded_and_the_rest_grows():
    before = settled(session_of(tiny_model(2, "prefix_first"), LONG), 0)
    lines = LONG.splitlines(keepends=True)
    for number in range(2, 60, 3):
        lines[number] = f"other_{number} = 'something new'\n"
    today = "".join(lines)
    session = session_of(before.model, today)
    caret = today.index("value_30")
    known = take_up(session, shelve(before), Worth(), caret)
    assert known > 0.6 * len(session.tokens.ids)
    _, went = session.sync(caret)
    assert went.encoded <= LEAST_SPARE + 64  # what is new next to the caret, whatever it takes
    assert session.wants_slide
    encoded = session.totals.encoded
    rest(session, caret)
    assert token_mismatches(session, caret) == 0
    assert len(session.window) == len(session.tokens.ids)
    assert session.totals.slid + encoded < len(session.tokens.ids) / 2
    torch.testing.assert_close(logits(session, caret), prefilled(session, caret), rtol=0, atol=1e-9)


@pytest.mark.parametrize("order", ["suffix_first", "prefix_first"])
def test_of_more_than_there_is_room_for_today_what_is_around_the_caret_comes_back(order):
    """It was kept when there was more memory."""
    before = settled(session_of(tiny_model(2, order), LONG), 1500)
    session = session_of(before.model, LONG, 1024)
    assert len(before.cache.rows) > 1.5 * session.context
    assert take_up(session, shelve(before), Worth(), None)
    assert session.caret == 1500
    session.cache.check_integrity()
    assert session.capacity - 256 <= len(session.cache.rows) <= session.context
    _, went = session.sync(session.caret)
    assert went.encoded == 0
    settled(session, session.caret)
    assert token_mismatches(session, session.caret) == 0
    torch.testing.assert_close(logits(session, 1500), prefilled(session, 1500), rtol=0, atol=1e-9)


def test_stale_rows_come_back_stale_and_exact_ones_exact():
    before = settled(session_of(tiny_model(2, "prefix_first"), LONG), len(LONG) - 1)
    act(before, (0.5, 0.0, "new = 1\n", 1.0, ""))
    frontier = before.cache.frontier
    assert 0 < frontier < len(before.cache.rows)
    session = session_of(before.model, str(before.snapshot.text))
    take_up(session, shelve(before), Worth(), None)
    assert session.cache.frontier == frontier
    assert session.cache.staleness.changes.tolist() == before.cache.staleness.changes.tolist()
    assert (session.cache.staleness.since >= 0).tolist() == (before.cache.staleness.since >= 0).tolist()


def test_a_text_that_has_nothing_in_common_begins_anew():
    before = settled(session_of(tiny_model(1), LONG), 0)
    session = session_of(before.model, "§" * 500)
    assert take_up(session, shelve(before), Worth(), None) == 0
    assert not len(session.cache.rows)


def test_what_costs_more_to_bring_than_to_encode_is_left():
    before = settled(session_of(tiny_model(1), LONG), 0)
    session = session_of(before.model, LONG)
    cheap = Worth()
    cheap.per_row = 1e-12
    assert take_up(session, shelve(before), cheap, None) == 0


def test_a_session_that_follows_how_likely_its_text_is_takes_rows_up_as_well():
    before = settled(session_of(tiny_model(1), LONG), 700)
    session = session_of(before.model, "import this\n" + LONG)
    session.cache.judge(True)
    assert take_up(session, shelve(before), Worth(), None)
    session.cache.check_integrity()
    session.sync(session.caret)
    session.cache.check_integrity()


def test_a_cache_with_rows_keeps_them():
    before = settled(session_of(tiny_model(1), LONG), 0)
    assert take_up(before, shelve(before), Worth(), None) == 0


def word_model(order: str):
    """Whose tokens are words and pairs of signs, so that a caret cuts some."""
    tokenizer = Tokenizer.from_json(tokenizer_json("qwen2"))
    decoder = TransformersDecoder(tiny_llama(1, vocab_size=1024), "words", 4096)
    template = detect(tokenizer.control, order=order)
    return dataclasses.replace(tiny_model(1), decoder=decoder, tokenizer=tokenizer, template=template)


@pytest.mark.parametrize("order", ["suffix_first", "prefix_first"])
@pytest.mark.parametrize("place", ["compute(30", "alue_33", "\nvalue_35"])
def test_tokens_that_the_caret_had_cut_are_known_again(order, place):
    """Also where they stand first of all, as in suffix-first order: one new token there would make all others stale."""
    model = word_model(order)
    caret = LONG.index(place)
    before = settled(session_of(model, LONG), caret)
    session = session_of(model, LONG)
    take_up(session, shelve(before), Worth(), None)
    assert session.caret == caret
    _, went = session.sync(caret)
    assert (went.encoded, went.repaired) == (0, 0)
    assert session.cache.stale == 0
    assert len(session.cut(caret).tail_ids) + len(session.cut(caret).head_ids), "nothing was cut: choose another place"
    edited = session_of(model, "import this\n" + LONG)
    take_up(edited, shelve(before), Worth(), None)
    assert edited.caret == caret + len("import this\n")
