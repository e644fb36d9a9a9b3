"""Choosing a token: what a look at the whole row would choose, in one transfer from the device."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kvlsp.cache.repair import repair
from kvlsp.cache.resident import ResidentCache
from kvlsp.completion.candidates import EARLY
from kvlsp.engine import generate
from kvlsp.engine.generate import Generation, Limits, step
from kvlsp.engine.sampling import Sampling
from kvlsp.model.rows import Branch
from kvlsp.prompt.layout import Layout
from tests.support.byte_tokenizer import CONTROL, VOCABULARY
from tests.support.models import tiny_model
from tests.support.writing import writing_model

END = 0
ROUNDING = 1e-5
"""Penalties are added to float32 on one side and to float64 on the other."""
_ASKING = {"tolist", "item", "numpy", "cpu", "__int__", "__float__", "__bool__", "__index__"}


class Elsewhere(torch.Tensor):
    """A tensor of a device that is asked, by name of how, whenever its numbers are wanted on the host."""

    asked: ClassVar[list[str]] = []

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name not in _ASKING:
            return super().__torch_function__(func, types, args, kwargs or {})
        cls.asked.append(name)
        there = args[0].as_subclass(torch.Tensor)
        return there if name == "cpu" else getattr(there, name)(*args[1:], **(kwargs or {}))


class Grudge:
    """A penalty by the table: what each byte costs, what ending gains."""

    active = True

    def __init__(self, costs: dict[str, float], ending: float) -> None:
        self._costs, self._ending = costs, ending
        self.most = max(0.0, ending)

    def lowers(self, piece: str) -> float:
        return self._costs.get(piece, 0.0)

    def gains(self, piece: str | None) -> float:
        return self._ending if piece is None else 0.0

    def push(self, piece: str) -> None:
        """It never changes."""


def generation(logits: torch.Tensor, chosen: int = 0, **options: Any) -> Generation:
    """One that has ``chosen`` tokens already."""
    model = tiny_model(1)
    made = Generation(ResidentCache(model.decoder, 64), model.tokenizer, branch=Branch(1), logits=logits, position=0,
                      ends=frozenset({END}), limits=Limits(tokens=32, context=64), context=[], stop=lambda piece: None,
                      **options)
    made.progress.ids.extend([70] * chosen)
    return made


def adjusted(logits: torch.Tensor, penalty: Grudge | None, generation: Generation) -> torch.Tensor:
    """The whole row as it counts: without markers, every token with its penalty."""
    row = torch.log_softmax(logits, -1)
    row[1 : len(CONTROL)] = -torch.inf
    if penalty is not None:
        row[END] += penalty.gains(None)
        for token in range(len(CONTROL), VOCABULARY):
            row[token] -= penalty.lowers(generation.tokenizer.piece(token))
    return row


@settings(deadline=None, max_examples=60)
@example(seed=134, costs={"a": 1.0}, ending=0.0, chosen=0, rounded=False)  # a penalty below the first place
@given(
    seed=st.integers(0, 1 << 30),
    costs=st.none() | st.dictionaries(st.sampled_from("abcdefgh ()"), st.floats(0.1, 20.0), max_size=11),
    ending=st.floats(0.0, 9.0),
    chosen=st.sampled_from([0, 1, EARLY]),
    rounded=st.booleans(),
)
def test_the_choice_is_that_of_the_whole_row(seed, costs, ending, chosen, rounded):
    logits = 4 * torch.randn(VOCABULARY, generator=torch.Generator().manual_seed(seed))
    logits[[len(CONTROL) + ord(letter) for letter in "abcdefgh ()"]] += 4.0
    if rounded:
        logits = logits.round()  # many are equal
    penalty = None if costs is None else Grudge(costs, ending)
    made = generation(logits, chosen, penalty=penalty)
    row = adjusted(logits, penalty, made)
    token, logprob = made.select(logits)
    assert row[token] == pytest.approx(float(row.max()), abs=ROUNDING)
    assert logprob == pytest.approx(min(0.0, float(row.max())), abs=ROUNDING)
    assert len(made.progress.choices) == (chosen < EARLY)
    for choice in made.progress.choices:
        assert choice.ids[0] == token
        np.testing.assert_allclose(choice.logprobs, row.topk(4).values, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("penalty", [None, Grudge({"a": 3.0}, 1.0)], ids=["plain", "penalised"])
@pytest.mark.parametrize("sampling", [None, Sampling(0.8, 5)], ids=["greedy", "drawn"])
@pytest.mark.parametrize("owed", ["", "a"])
@pytest.mark.parametrize("chosen", [0, 1, EARLY])
def test_the_device_is_asked_once_for_a_token(chosen, owed, sampling, penalty):
    plain = torch.randn(VOCABULARY, generator=torch.Generator().manual_seed(3))
    expected = generation(plain, chosen, penalty=penalty, sampling=sampling, must_begin=owed).select(plain)
    logits = plain.as_subclass(Elsewhere)
    made = generation(logits, chosen, penalty=penalty, sampling=sampling, must_begin=owed)
    Elsewhere.asked.clear()
    assert made.select(logits) == expected
    assert len(Elsewhere.asked) == 1


def test_a_drafter_learns_what_a_forward_took_by_the_clock_of_its_device(monkeypatch):
    told: list[tuple[int, float]] = []

    class Watching:
        def propose(self, context: Any, limit: int) -> tuple[int, ...]:
            return (70, 71)

        def observe(self, proposed: int, accepted: int) -> None:
            """Of no interest here."""

        def timed(self, rows: int, seconds: float) -> None:
            told.append((rows, seconds))

    model = writing_model(1, b"abc")
    readings = iter([10.0, 12.5])
    monkeypatch.setattr(generate, "work_clock",
                        lambda device: readings.__next__ if device is model.decoder.device else None)
    cache = ResidentCache(model.decoder, 64)
    ids = np.arange(10, 20, dtype=np.int32)
    settled = repair(cache, Layout(ids, np.arange(10), (0, 10), (10, 10), text_last=True), wanted=[9])
    assert settled.logits is not None
    one = Generation(cache, model.tokenizer, branch=Branch(1), logits=settled.logits[0], position=10,
                     ends=frozenset({END}), limits=Limits(tokens=32, context=64), context=ids.tolist(),
                     stop=lambda piece: None, drafter=Watching())
    step([one])
    assert told == [(3, 2.5)]


def test_the_first_line_begins_behind_the_caret():
    """A healed token is spelled again; what follows its line break is the first line, not what stands there already."""

    def half(character: str) -> torch.Tensor:
        chances = torch.full((VOCABULARY,), 0.5 / (VOCABULARY - 1))
        chances[len(CONTROL) + ord(character)] = 0.5
        return chances.log()

    made = generation(half(":"), must_begin=":")
    for character in "\nab":
        made.next_rows()
        made.receive(half(character)[None])
    made.next_rows()
    assert made.progress.text == ":\nab"
    assert made.progress.confidence.value == pytest.approx(0.5**3, rel=1e-4)  # the colon had to come
