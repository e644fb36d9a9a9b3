"""Sampling: the distribution is the target's, and drafts change neither it nor a single drawn token."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import kvlsp
from kvlsp.completion.copy_drafter import CopyDrafter
from kvlsp.completion.drafts import Drafting
from kvlsp.config import Settings
from kvlsp.engine.completion import CompletionJob, Phase
from kvlsp.engine.generate import Generated
from kvlsp.engine.sampling import Sampling
from kvlsp.engine.session import Session
from kvlsp.opening.model import Model, open_model
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope
from tests.support.writing import writing_model

TEXT = "def f(a):\n    b = (a, a)\n    c = (a, a)\n    return f(a, b)\n\ndef e(a):\n    b = (a, a)\n    c = "
LETTERS = b"abcdef (),=\n"


def session_of(model: Model, text: str) -> Session:
    return Session(model, Snapshot("memory", 0, Rope.of(text), ""), context=4096, generation_rows=64)


def run(session: Session, offset: int, chosen: Settings, *, drafts: bool, seed: int = 0,
        wanted: int = 1) -> CompletionJob:
    drafter = Drafting(CopyDrafter(session.tokens.ids)) if drafts else None
    job = CompletionJob(session, offset, chosen, drafting=lambda place: drafter, seed=seed, wanted=wanted)
    while job.phase is not Phase.DONE:
        job.step()
        session.cache.check_integrity()
    return job


def progress(job: CompletionJob) -> Generated:
    assert job.progress is not None
    return job.progress


@settings(deadline=None, max_examples=30)
@given(
    offset=st.integers(10, len(TEXT)),
    temperature=st.sampled_from([0.05, 0.3, 1.0, 2.0]),
    seed=st.integers(0, 1 << 40),
    penalty=st.sampled_from([1.0, 0.9, 0.3]),
    heals=st.booleans(),
)
def test_drafts_never_change_what_is_drawn(offset, temperature, seed, penalty, heals):
    chosen = Settings(max_tokens=30, multi_line="always", penalty=penalty, temperature=temperature, max_lines=50)
    model = writing_model(2, LETTERS, 0, order="suffix_first", heals=heals)
    session = session_of(model, TEXT)
    plain = run(session, offset, chosen, drafts=False, seed=seed)
    drafted = run(session, offset, chosen, drafts=True, seed=seed)
    assert progress(drafted).ids == progress(plain).ids
    assert progress(drafted).logprobs == pytest.approx(progress(plain).logprobs, abs=1e-9)


def test_some_drafts_are_right_and_some_wrong_so_that_the_sameness_says_something():
    chosen = Settings(max_tokens=60, multi_line="always", penalty=1.0, temperature=0.3, max_lines=50)
    session = session_of(writing_model(2, LETTERS, 0, order="suffix_first", heals=False), TEXT)
    runs = [progress(run(session, len(TEXT), chosen, drafts=True, seed=seed)) for seed in range(8)]
    assert len({tuple(one.ids) for one in runs}) > 1, "all seeds wrote the same"
    accepted, drafted = sum(one.accepted for one in runs), sum(one.drafted for one in runs)
    assert 0 < accepted < drafted


def test_candidates_draw_from_streams_of_their_own():
    chosen = Settings(max_tokens=24, multi_line="never", penalty=1.0, temperature=1.0)
    session = session_of(writing_model(1, b"abcdef", 0, order="suffix_first", heals=False), TEXT)
    first, other = (c.generation.progress.ids for c in
                    run(session, len(TEXT), chosen, drafts=False, wanted=2).texts.all)
    again = progress(run(session, len(TEXT), chosen, drafts=False)).ids
    assert first == again
    assert other != first


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
def test_tokens_come_as_often_as_they_should(temperature):
    row = torch.tensor([0.0, -1.0, -2.0, -torch.inf, -0.3, -6.0], dtype=torch.float64)
    draws = 5_000
    expected = torch.softmax(row / temperature, 0).numpy() * draws
    found = np.bincount([Sampling(temperature, n % 7, n % 3).draw(row, n) for n in range(draws)], minlength=len(row))
    assert found[3] == 0
    possible = expected > 0
    chi_square = (((found - expected) ** 2)[possible] / expected[possible]).sum()
    assert chi_square < 20.5, (found, expected)  # 0.1 % of fair draws are further off (4 degrees of freedom)


def test_a_draw_depends_on_its_place_alone():
    row = torch.zeros(1000)
    sampling = Sampling(1.0, seed=3)
    in_order = [sampling.draw(row, place) for place in range(20)]
    assert [sampling.draw(row, place) for place in reversed(range(20))] == in_order[::-1]
    assert len(set(in_order)) > 15
    assert [Sampling(1.0, seed=4).draw(row, place) for place in range(20)] != in_order
    assert [Sampling(1.0, seed=3, stream=1).draw(row, place) for place in range(20)] != in_order


def test_a_low_temperature_is_greedy():
    row = torch.tensor([0.1, 0.5, -torch.inf, 0.4])
    assert {Sampling(1e-4, seed).draw(row, seed) for seed in range(200)} == {1}


def test_the_default_model_draws_the_same_with_and_without_drafts():
    text = (Path(kvlsp.__file__).parent / "text" / "document.py").read_text(encoding="utf-8")
    session = session_of(open_model(Settings(dtype="float32")), text)
    accepted = 0
    for seed in range(3):
        offset = text.index("\n", len(text) * (seed + 1) // 4)
        chosen = Settings(max_tokens=32, multi_line="always", temperature=0.4)
        plain = progress(run(session, offset, chosen, drafts=False, seed=seed))
        drafted = progress(run(session, offset, chosen, drafts=True, seed=seed))
        assert drafted.ids == plain.ids, (seed, offset)
        accepted += drafted.accepted
    assert accepted > 0
