"""A model that was made for the next edit proposes it in its own format: tiny models that say what a script says."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from kvlsp.config import Settings
from kvlsp.engine.next_edit import NextEditJob
from kvlsp.engine.next_oneshot import next_edits
from kvlsp.engine.next_state import NextState
from kvlsp.engine.reader import Reader
from kvlsp.engine.rewriting import Rewriting
from kvlsp.nextedit.change import Change
from kvlsp.opening.model import Model
from kvlsp.prompt.edit_formats import FORMATS, EditFormat
from kvlsp.prompt.families import detect
from kvlsp.text.document import Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from kvlsp.tokens.tokenizer import Tokenizer
from tests.prompt.test_edit_formats import tokenizer_with
from tests.support.decoders import tiny_decoder

ZETA, SWEEP = FORMATS
TEXT = "import os\n\nsize = read(os)\nwrite(size)\nclose()\nprint(1)\nprint(2)\n"
EDIT = Edit(TEXT.index("read(os)"), TEXT.index("read(os)") + 8, "fetch(os)")
AFTER = TEXT.replace("read", "fetch")
ANSWERS = {"zeta-2": "{}>>>>>>> UPDATED\n", "sweep": "{}"}


class Scripted:
    """A decoder that answers a prompt of a format with a script, and is a tiny random one otherwise."""

    def __init__(self, mark: int, script: bytes) -> None:
        self._own, self._mark, self._script = tiny_decoder(dtype=torch.float64), mark, script
        self._asked: object = None
        self._start = self.largest = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._own, name)

    def forward(self, arrays, batch):
        logits = self._own.forward(arrays, batch)
        ids, positions = batch.ids.tolist(), batch.positions.tolist()
        if 0 in positions:
            self._asked = arrays if ids[positions.index(0)] == self._mark else None
        if self._asked is not arrays:
            return logits
        self.largest = max(self.largest, len(ids))
        if not len(logits):
            return logits
        self._start = self._start or max(positions) + 1
        logits = logits.clone()
        for row, position in enumerate(positions[-len(logits):]):
            at = position + 1 - self._start
            token = 7 + self._script[at] if at < len(self._script) else 0
            logits[row] = torch.where(torch.arange(logits.shape[1]) == token, 50.0, -50.0)
        return logits


def model(form, answer: str) -> Model:
    tokenizer = Tokenizer.from_json(tokenizer_with(form.marks))
    decoder = Scripted(tokenizer.control[form.pattern[:form.pattern.index(">") + 1]] if form is ZETA
                       else tokenizer.control["<|file_sep|>"], ANSWERS[form.name].format(answer).encode())
    return Model("tiny", "tiny", decoder, tokenizer, detect(tokenizer.control, order="plain"), edit_format=form)


@pytest.fixture(params=FORMATS, ids=lambda form: form.name)
def form(request) -> EditFormat:
    return request.param


def rewriting(made: Model, form, line: int = 3) -> Rewriting:
    at = AFTER.index("fetch")
    return Rewriting(made, form, Snapshot("file:///a.py", 1, Rope.of(AFTER), "python"),
                     [Change.of(AFTER, at, at + 9, "read(os)")], line)


def test_what_the_model_writes_anew_is_found_a_forward_at_a_time(form):
    made = model(form, AFTER.replace("write(size)", "store(size)"))
    job, steps = rewriting(made, form), 0
    while not job.done:
        assert job.step(32) <= 32
        steps += 1
    assert job.found is not None
    assert (job.found.first, job.found.last, job.found.lines) == (3, 4, ("store(size)",))
    assert made.decoder.largest <= 32


def test_an_answer_that_changes_nothing_proposes_nothing(form):
    job = rewriting(model(form, AFTER), form)
    while not job.done:
        job.step(64)
    assert job.found is None


def test_zeta_may_say_so_in_a_word():
    job = rewriting(model(ZETA, "NO_EDITS\n"), ZETA)
    while not job.done:
        job.step(64)
    assert job.found is None


def test_a_prompt_that_is_too_long_is_not_asked(form):
    made = model(form, "")
    text = "x" * 9000
    assert Rewriting(made, form, Snapshot("a.py", 1, Rope.of(text), "python"),
                     [Change.of(text, 0, 1, "")], 0).done


def test_it_takes_the_place_of_what_the_model_would_write_by_itself(form):
    made = model(form, AFTER.replace("write(size)", "store(size)\nsync(size)"))
    (taken,) = next_edits(made, TEXT, [EDIT], "a.py", Settings(), 1)
    assert taken.proposal.place.kind == "edit"
    assert taken.after == AFTER.replace("write(size)", "store(size)\nsync(size)")


def test_a_place_that_was_turned_down_is_not_proposed_again(form):
    made = model(form, AFTER.replace("write(size)", "store(size)"))
    reader = Reader(made, Snapshot("a.py", 0, Rope.of(AFTER), "python"), context=2048)
    at = AFTER.index("fetch")
    changes = [Change.of(AFTER, at, at + 9, "read(os)")]
    assert NextEditJob(made, reader, changes, Settings()).run()
    made = dataclasses.replace(made, decoder=model(form, AFTER.replace("write(size)", "store(size)")).decoder)
    reader = Reader(made, Snapshot("a.py", 0, Rope.of(AFTER), "python"), context=2048)
    assert not NextEditJob(made, reader, changes, Settings(), refused=[3]).run()


def test_what_ends_no_line_does_not_shift_the_place(form):
    """A lone carriage return is a line end to an editor, and none to the model."""
    text, edit = "\r\r\r" + TEXT, Edit(EDIT.start + 3, EDIT.end + 3, EDIT.text)
    made = model(form, ("\r\r\r" + AFTER).replace("write(size)", "store(size)"))
    (taken,) = next_edits(made, text, [edit], "a.py", Settings(), 1)
    assert taken.after == ("\r\r\r" + AFTER).replace("write(size)", "store(size)")


def test_lines_that_were_turned_down_together_are_found_again():
    state = NextState(refused=[("b\n  c", "x"), ("a", "y")])
    assert state.refused_lines("a\nb\n  c\nb\nd\nb\n  c") == [0, 1, 2, 5, 6]
    assert NextState().refused_lines("a\n") == []
