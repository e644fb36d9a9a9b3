"""Sessions: after any history text, both token sequences and the cache are what a fresh start would make them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.cache.repair import repair
from kvlsp.cache.resident import ResidentCache
from kvlsp.engine.session import Session
from kvlsp.laboratory.evaluation.oracle import key_errors, layout_from_scratch, token_mismatches
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from tests.support.models import tiny_model

ALPHABET = st.sampled_from(
    [*"ab (.=\n\t", "\r\n", "\f", "\u2028", "é", "漢", "😀", "\ud800", "<|fim_middle|>", "e\u0301"]
)
texts = st.lists(ALPHABET, max_size=30).map("".join)
steps = st.lists(
    st.tuples(
        st.floats(0, 1), st.floats(0, 1), texts, st.floats(0, 1),
        st.sampled_from(["", "refresh", "slide", "stop"]),
    ),
    max_size=8,
)


def session_of(model, text: str, context: int = 4096) -> Session:
    return Session(model, Snapshot("memory", 0, Rope.of(text), ""), context=context, generation_rows=16)


def edit(session: Session, start: int, end: int, text: str) -> None:
    after = session.snapshot.text.replace(Edit(start, end, text))
    snapshot = Snapshot("memory", session.snapshot.version + 1, after, "")
    session.edit((Change(Edit(start, end, text), after),), snapshot)


def act(session: Session, step) -> int:
    where, length, text, caret, kind = step
    size = len(session.snapshot.text)
    start = int(where * size)
    edit(session, start, min(size, start + int(length * length * (size - start))), text)
    caret = int(caret * len(session.snapshot.text))
    if kind == "stop":
        session.begin_sync(caret).step(7)  # given up half way
    session.sync(caret, slide=kind == "slide")
    if kind == "refresh":
        session.refresh(9)
    return caret


@pytest.mark.parametrize("order", ["suffix_first", "prefix_first", "plain"])
@settings(deadline=None, max_examples=40)
@given(text=texts, history=steps)
def test_tokens_and_rows_equal_a_fresh_start_after_any_history(order, text, history):
    session = session_of(tiny_model(1, order), text)
    for step in history:
        caret = act(session, step)
        assert token_mismatches(session, caret) == 0
        session.cache.check_integrity()


@settings(deadline=None, max_examples=25)
@given(texts, steps)
def test_with_one_layer_the_logits_are_those_of_a_prefill(text, history):
    session = session_of(tiny_model(1), text)
    for step in history:
        caret = act(session, step)
        last = [len(session.layout(caret)) - 1]
        layout, settled = session.sync(caret, wanted=lambda layout: [len(layout) - 1])
        oracle = repair(ResidentCache(session.model.decoder, session.context), layout, wanted=last)
        torch.testing.assert_close(settled.logits, oracle.logits, rtol=0, atol=1e-9)


@settings(deadline=None, max_examples=25)
@given(text=st.lists(ALPHABET, min_size=300, max_size=700).map("".join), history=steps)
def test_windows_of_long_documents_hold_the_same_truths(text, history):
    session = session_of(tiny_model(1), text * 3, context=700)
    for step in history:
        caret = act(session, step)
        assert len(session.cache.rows) <= 700
        assert token_mismatches(session, caret) == 0
        session.cache.check_integrity()


def test_the_oracle_bites():
    session = session_of(tiny_model(1), "def f(x):\n    return x\n")
    session.sync(9)
    assert token_mismatches(session, 9) == 0
    assert token_mismatches(session, 8) == 1
    assert len(layout_from_scratch(session, 9)) == len(session.cache.rows)


def test_typing_on_in_suffix_first_order_stays_exact():
    session = session_of(tiny_model(2), "a = 1\n" * 20)
    session.sync(60)
    for offset, character in enumerate("name = value"):
        edit(session, 60 + offset, 60 + offset, character)
        _, settled = session.sync(61 + offset)
        assert settled.encoded <= 2
        assert session.cache.stale == 0


def test_an_edit_above_encodes_its_own_tokens_only():
    session = session_of(tiny_model(2), "a = 1\n" * 50)
    session.sync(150)
    edit(session, 12, 12, "bb = 22\n")
    _, settled = session.sync(158)
    assert settled.encoded == 8
    assert session.cache.stale > 0


def test_selected_text_is_supposed_and_taken_back():
    session = session_of(tiny_model(1), "x.ap\n")
    session.sync(4)
    session.replace(2, 4, "append")
    assert str(session.snapshot.text) == "x.append\n"
    session.replace(2, 8, "ap")
    session.sync(4)
    assert str(session.snapshot.text) == "x.ap\n"
    assert token_mismatches(session, 4) == 0


def test_keys_stay_within_one_rotation_after_a_thousand_edits():
    rng = np.random.default_rng(0)
    session = session_of(tiny_model(2), "value = compute(limit)\n" * 12)
    for _ in range(1000):
        size = len(session.snapshot.text)
        at = int(rng.integers(0, size))
        edit(session, at, min(size, at + int(rng.integers(0, 3))), "xyz"[: int(rng.integers(0, 4))])
        session.sync(int(rng.integers(0, len(session.snapshot.text))))
    kept, fresh = key_errors(session.cache)
    assert kept <= 2 * fresh + 1e-15
