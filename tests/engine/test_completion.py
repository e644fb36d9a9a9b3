"""Completions: the same with and without drafts, after healing, with candidates; nothing is left behind."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from kvlsp.completion.copy_drafter import CopyDrafter
from kvlsp.completion.drafts import Drafting
from kvlsp.config import Settings
from kvlsp.engine.completion import CompletionJob, Phase
from kvlsp.engine.oneshot import complete_text
from kvlsp.engine.session import Session
from kvlsp.opening.model import Model
from kvlsp.reasons import Reason
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope
from tests.support.writing import saying_model, writing_model

TEXT = "def f(a):\n    b = (a, a)\n    c = (a, a)\n    return f(a, b)\n\ndef e(a):\n    b = (a, a)\n    c = "


def writing(layers: int = 2, *, line: int = 0, order: Any = "suffix_first", heals: bool = False) -> Model:
    """It loops readily, so drafts are accepted."""
    return writing_model(layers, b"abcdef (),=\n", line, order=order, heals=heals)


def session_of(model: Model, text: str) -> Session:
    return Session(model, Snapshot("memory", 0, Rope.of(text), ""), context=4096, generation_rows=64)


def run(session: Session, offset: int, settings: Settings, **options: Any) -> CompletionJob:
    job = CompletionJob(session, offset, settings, **options)
    while job.phase is not Phase.DONE:
        session.cache.check_integrity()
        job.step(9)
    session.cache.check_integrity()
    return job


def ids_of(job: CompletionJob, number: int = 0) -> list[int]:
    assert job.texts is not None
    return job.texts.all[number].generation.progress.ids


@pytest.mark.parametrize("penalty", [1.0, 0.9])
@pytest.mark.parametrize("multi_line", ["never", "always"])
@pytest.mark.parametrize("offset", range(10, len(TEXT), 7))
def test_drafts_never_change_the_result(offset, multi_line, penalty):
    settings = Settings(max_tokens=40, multi_line=multi_line, penalty=penalty)
    session = session_of(writing(), TEXT)
    plain = run(session, offset, settings)
    drafter = Drafting(CopyDrafter(session.tokens.ids))
    drafted = run(session, offset, settings, drafting=lambda offset: drafter)
    assert ids_of(drafted) == ids_of(plain)
    assert drafted.text == plain.text


def test_drafts_are_accepted_somewhere_and_save_forwards():
    settings = Settings(max_tokens=60, multi_line="always", penalty=1.0, max_lines=50)
    session = session_of(writing(), TEXT)
    drafted = run(session, len(TEXT), settings, drafting=lambda offset: Drafting(CopyDrafter(session.tokens.ids)))
    progress = drafted.progress
    assert progress.accepted > 0
    assert progress.forwards < len(progress.ids)


def test_closing_leaves_only_rows_that_may_be_adopted():
    session = session_of(writing(), TEXT)
    run(session, 20, Settings(max_tokens=30, candidates=3, multi_line="never"), wanted=3)
    session.cache.check_integrity()
    scratch = session.cache.scratch
    assert scratch is not None
    assert len(session.cache.table.of_scratch()) == len(scratch.slots)
    session.sync(3)
    assert len(session.cache.table.of_scratch()) == 0
    session.cache.check_integrity()


def test_accepting_a_suggestion_adopts_its_rows():
    model = writing(1, line=11)
    session = session_of(model, TEXT)
    job = run(session, len(TEXT), Settings(max_tokens=30, multi_line="never"))
    (text, *_), _ = job.answers()
    session.replace(len(TEXT), len(TEXT), text)
    _, settled = session.sync(len(TEXT) + len(text), wanted=lambda layout: [len(layout) - 1])
    assert settled.adopted >= len(text) - 1
    oracle = complete_text(model, TEXT + text, len(TEXT) + len(text), settings=Settings(max_tokens=5))
    after = run(session, len(TEXT) + len(text), Settings(max_tokens=5))
    assert after.text == oracle.generated


def test_candidates_differ_and_the_first_is_the_one_without_them():
    settings = Settings(max_tokens=20, multi_line="never")
    session = session_of(writing(line=11), TEXT)
    alone, _ = run(session, len(TEXT), settings).answers()
    session = session_of(writing(line=11), TEXT)
    texts, reason = run(session, len(TEXT), settings, wanted=3).answers()
    assert reason is None
    assert texts[0] == alone[0]
    assert 2 <= len(texts) <= 3
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("line", [40, 150])
@pytest.mark.parametrize("offset", [0, 500, 1200])
def test_candidates_share_what_a_full_document_leaves(line, offset):
    """Rows are kept free for one text; more of them must not be more than fits."""
    settings = Settings(max_tokens=160, multi_line="always", max_lines=200)
    text = "\n" + TEXT * 40
    offset = text.index("\n", offset)  # before other text nothing of several lines is offered
    long = Snapshot("memory", 0, Rope.of(text), "")
    model = writing_model(1, b"abcdefghijklmnopqrstuvwxyz_(), =.0123456789", line)
    session = Session(model, long, context=700, generation_rows=160)
    texts, _ = run(session, offset, settings, wanted=5).answers()
    assert texts
    session.cache.check_integrity()


def test_a_candidate_is_what_its_branch_alone_would_give():
    settings = Settings(max_tokens=20, multi_line="never", penalty=1.0)
    session = session_of(writing(), TEXT)
    job = run(session, len(TEXT), settings, wanted=2)
    other = ids_of(job, 1)
    first = ids_of(job)
    at = int(np.argmin(np.array(other[: len(first)]) == np.array(first[: len(other)])))
    start = TEXT + session.model.tokenizer.decode(other[: at + 1])
    alone = run(session_of(session.model, start), len(start), settings)
    length = min(len(other) - at - 1, len(ids_of(alone)))
    assert ids_of(alone)[:length] == other[at + 1 :][:length]


@pytest.mark.parametrize("order", ["suffix_first", "prefix_first"])
def test_healing_hides_rows_but_edits_none(order):
    model = writing(1, order=order, heals=True)
    session = session_of(model, TEXT)
    before = session.sync(30)[0]
    ids = session.cache.rows.ids.copy()
    run(session, 30, Settings(max_tokens=10))
    assert np.array_equal(session.cache.rows.ids, ids)
    assert np.array_equal(session.layout(30).ids, before.ids)


@pytest.mark.parametrize("order", ["suffix_first", "prefix_first"])
def test_a_healed_token_is_not_seen_by_what_follows(order, monkeypatch):
    """With one layer the answer does not depend on the hidden token, whatever the order of the layout."""
    monkeypatch.setattr("kvlsp.engine.texts.heal", lambda tokenizer, ids: (1, ""))
    model = writing(1, order=order, heals=True)
    written = []
    for last in "ab=":
        session = session_of(model, TEXT[:60] + last + TEXT[60:])
        job = CompletionJob(session, 61, Settings(max_tokens=12, penalty=1.0), wanted=2)
        job.run()
        assert job.texts is not None
        written.append([candidate.generation.progress.ids[:3] for candidate in job.texts.all])
        session.cache.check_integrity()
    assert written[0][0] == written[1][0] == written[2][0]


@pytest.mark.parametrize("text", ["", "a", "ab", "a = b"])
@pytest.mark.parametrize("heals", [False, True])
def test_a_model_with_nothing_but_text_starts_from_the_first_token_there_is(text, heals):
    model = writing(order="plain", heals=heals)
    bare = dataclasses.replace(model, template=dataclasses.replace(model.template, begin=()))
    for offset in range(len(text) + 1):
        answer = complete_text(bare, text, offset, settings=Settings(max_tokens=4))
        if not offset:
            assert (answer.text, answer.reason) == ("", Reason.NOTHING_TO_SAY)
        else:
            assert answer.text or answer.reason is not Reason.MODEL_ERROR


@pytest.mark.parametrize(("suffix", "said", "offered", "stop"), [
    ("\n", "foo(bar)", "foo(bar)", "end"),
    ("\n", "foo(bar", "", "unclosed"),
    (")\n", "foo(bar", "foo(bar", "end"),
    ("\n", "[a,\n    b", "", "unclosed"),
])
def test_a_text_that_the_model_ends_with_an_open_bracket_is_cut(suffix, said, offered, stop):
    text = "def f(a, b):\n    c = "
    answer = complete_text(saying_model(said), text + suffix, len(text), language="python",
                           settings=Settings(max_tokens=40))
    assert (answer.generated, answer.report["stop"]) == (said, stop)
    assert answer.text == offered
    assert answer.reason is (None if offered else Reason.NOTHING_TO_SAY)


def test_what_is_offered_is_made_once(monkeypatch):
    """It is asked for by each who waits, and to be remembered; fitting it to the text behind the caret takes parses."""
    job = run(session_of(writing(line=11), TEXT), len(TEXT), Settings(max_tokens=20, multi_line="never"))
    made: list[str] = []
    monkeypatch.setattr("kvlsp.completion.begun.trim", lambda prefix, text, *_: made.append(text) or (text, None))
    first, whole = job.answers(), job.answers(whole=True)
    assert first == whole
    assert first == job.answers()
    assert len(made) == 1
