"""The next edit of a text, from the changes to what is proposed: tiny models, whole jobs, no clock."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.config import Settings
from kvlsp.engine.next_edit import NextEditJob
from kvlsp.engine.next_oneshot import next_edits
from kvlsp.engine.reader import Reader
from kvlsp.nextedit.change import Change
from kvlsp.nextedit.places import LEAST_DROP, places
from kvlsp.syntax.language import Language
from kvlsp.text import document
from kvlsp.text.document import Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from tests.support.models import tiny_model

TEXT = "def add(amount):\n    if amount:\n        return amount\n\ndef other(amount):\n    return amount\n"
RENAME = Edit(8, 14, "total")


def reader(text: str = TEXT, *, context: int = 2048) -> Reader:
    made = Reader(tiny_model(), Snapshot("a.py", 0, Rope.of(text), "python"), context=context)
    while made.step(64):
        pass
    return made


def edited(made: Reader, edit: Edit) -> str:
    before = str(made.session.snapshot.text)
    text = before[: edit.start] + edit.text + before[edit.end :]
    after = Snapshot("a.py", made.session.snapshot.version + 1, Rope.of(text), "python")
    made.edit((document.Change(edit, after.text),), after)
    return text


def test_a_renamed_parameter_is_followed_one_place_at_a_time_and_no_further():
    taken = list(next_edits(tiny_model(), TEXT, [RENAME], "a.py", Settings(next_edit_minimum_gain=0.0), 9))
    assert [step.proposal.text.strip() for step in taken] == ["if total:", "return total"]
    assert taken[-1].after == ("def add(total):\n    if total:\n        return total\n\n"
                               "def other(amount):\n    return amount\n")


def test_a_step_is_a_forward_and_a_job_can_be_left_at_any_of_them():
    made = reader()
    text = edited(made, RENAME)
    job = NextEditJob(tiny_model(), made, [Change.of(text, 8, 13, "amount")], Settings())
    assert 0 < job.step(4) <= 4
    assert not job.done
    text = edited(made, Edit(0, 0, "x = 1\n"))
    other = NextEditJob(tiny_model(), made, [Change.of(text, 14, 19, "amount")], Settings(next_edit_minimum_gain=0.0))
    assert other.run(4)[0].text == "    if total:"


@pytest.mark.parametrize("most", [1, 2])
def test_no_more_places_are_looked_at_than_the_setting_says(most):
    text = "def add(total):\n" + "    use(amount)\n" * 5
    made = reader(text)
    job = NextEditJob(tiny_model(), made, [Change.of(text, 8, 13, "amount")], Settings(next_edit_places=most))
    job.run()
    assert len(job.places) == most


def test_without_a_change_there_is_no_work():
    assert NextEditJob(tiny_model(), reader(), [], Settings()).done


def test_judging_leaves_no_rows_behind():
    made = reader()
    cache = made.session.cache
    rows, free = len(cache.rows), cache.table.free
    before = [layer.clone() for layer in cache.arrays().keys]
    said = made.likelihood(17, 32, ["    if amount:", "    if total:", "    pass"])
    assert len(set(said)) == 3
    cache.check_integrity()
    assert (len(cache.rows), cache.table.free) == (rows, free)
    live = cache.rows.slots
    assert all((old[:, live] == new[:, live]).all() for old, new in zip(before, cache.arrays().keys, strict=True))


def test_the_likelihood_of_what_stands_there_is_that_of_a_prefill():
    made = reader()
    same = made.likelihood(17, 31, [TEXT[17:31]])[0]
    now = made.judged()
    inside = (now.starts >= 17) & (now.starts < 31)
    assert same == pytest.approx(float(now.now[inside].sum()), abs=1e-4)


def test_a_line_beyond_what_is_read_is_followed_by_its_name_alone():
    text = TEXT[:31] + "    x = 1\n" * 60 + "    return amount\n"
    made = Reader(tiny_model(), Snapshot("a.py", 0, Rope.of(text), "python"), context=1024, until=120)
    while made.step(64):
        pass
    after = edited(made, RENAME)
    change = Change.of(after, 8, 13, "amount")
    found = NextEditJob(tiny_model(), made, [change], Settings(next_edit_minimum_gain=0.0), most=3).run()
    assert found[-1].text == "    return total"
    assert found[-1].gain == 0.0


def test_reading_follows_an_edit_and_says_no_more_than_two_prefills():
    """No ghost of staleness: a token's drop is the difference of two full readings."""
    made, was = reader(), reader().judged()
    text = edited(made, RENAME)
    while made.step(3):
        pass
    now = reader(text).judged()
    shift = len(RENAME.text) - (RENAME.end - RENAME.start)
    for start, drop in zip(made.judged().starts, made.judged().drop, strict=True):
        if start >= RENAME.start + len(RENAME.text):
            before = float(was.now[was.starts == start - shift][0])
            assert drop == pytest.approx(before - float(now.now[now.starts == start][0]), abs=1e-4)
        else:
            assert drop == 0


LINES = st.lists(st.sampled_from(["x = f(a)", "y = f(a, b)", "    return a", "b = 1", ""]), min_size=3, max_size=8)


@settings(deadline=None, max_examples=25)
@given(LINES, st.integers(0, 7), st.sampled_from(["z = f(c)", "q = 2", ""]), st.integers(1, 40))
def test_no_line_that_reads_the_same_in_both_full_prefills_is_a_place(lines, at, new, rows):
    """Over the oracle: readers that have never seen anything else."""
    text, number = "\n".join(["# head", *lines]), 1 + at % len(lines)
    start = sum(len(line) + 1 for line in ["# head", *lines][:number])
    edit = Edit(start, start + len(lines[number - 1]), new)
    made, was = reader(text), reader(text).judged()
    after = edited(made, edit)
    while made.step(rows):
        pass
    now = reader(after).judged()
    fallen = set()
    for start_, likely in zip(now.starts, now.now, strict=True):
        before = start_ if start_ < edit.start else start_ - edit.delta
        if start_ >= edit.start + len(edit.text) and len(found := was.now[was.starts == before]) and (
                found[0] - likely > LEAST_DROP - 1e-3):
            fallen.add(after.count("\n", 0, int(start_)))
    change = Change.of(after, edit.start, edit.start + len(edit.text), lines[number - 1])
    for place in places(after, [change], made.judged(), Language.of("python"), most=99):
        assert place.kind == "rename" or place.line in fallen


def long_text(lines: int = 12_000) -> str:
    return "".join(f"value_{number} = compute({number}, limit)\n" for number in range(lines))


@pytest.mark.parametrize("where", [0.1, 0.5, 0.9])
def test_a_long_text_is_tokenized_in_pieces_and_only_where_it_is_read(where):
    text = long_text()
    until = text.index("\n", int(where * len(text))) + 1
    made = Reader(tiny_model(), Snapshot("a.py", 0, Rope.of(text), "python"), context=1500, until=until)
    pieces, longest, before = 0, 0, 0
    while made.step(512):
        read = len(made.session.tokens.text)
        pieces, longest, before = pieces + (read > before), max(longest, read - before), read
    assert made.done
    assert longest <= 2 * (1 << 15)
    assert pieces <= 4
    assert made.session.behind > len(text) // 2
    starts = made.judged().starts.tolist()  # a byte a token
    assert starts == list(range(starts[0], until))
    assert len(starts) > 500
    rows = made.session.cache.rows.ids[-len(starts):]
    assert made.session.tokens.tokenizer.decode(rows) == text[starts[0]:until]
    line = text.rindex("\n", 0, until - 1) + 1
    alone = Reader(tiny_model(), Snapshot("a.py", 0, Rope.of(text[starts[0]:until]), "python"), context=1500)
    while alone.step(512):
        pass
    texts = [text[line:until - 1], "other = 1"]
    np.testing.assert_allclose(made.likelihood(line, until - 1, texts),
                               alone.likelihood(line - starts[0], until - 1 - starts[0], texts), atol=1e-6)


def test_a_reader_of_a_long_text_follows_edits_of_what_it_has_not_read():
    text = long_text(4000)
    until = text.index("\n", len(text) // 2) + 1
    made = Reader(tiny_model(), Snapshot("a.py", 0, Rope.of(text), "python"), context=1500, until=until)
    while made.step(512):
        pass
    text = edited(made, Edit(0, 0, "new = 1\n"))
    text = edited(made, Edit(until, until + 5, "other"))
    while made.step(512):
        pass
    assert int(made.judged().starts[-1]) == until + len("new = 1\n") - 1
    assert text[int(made.judged().starts[-1])] == "\n"
