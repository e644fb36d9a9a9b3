"""What is shown to who looks on: the engine's own numbers, in bounded views, for nothing while nobody looks."""

from __future__ import annotations

from base64 import b64decode
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

from kvlsp import tracing
from kvlsp.cache.resident import ResidentCache
from kvlsp.cache.witness import Origin
from kvlsp.engine.watching import INTERVAL, KEEPALIVE, LATEST, ONLOOKERS, PATIENCE, TURNS
from kvlsp.messages import DescribeTokens, Feedback, OpenDocument, TokensDescribed, Watch, Watched
from kvlsp.model.rows import EVERY, Branch, RowBatch
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope
from tests.support.engine_bench import CARET, TEXT, Bench, complete

LONG = "".join(f"value_{number} = area({number}, {number})\n" for number in range(60))


class Onlooker:
    """Asks for one view after the other, as a page does."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.seen = -1
        self.views: list[Any] = []

    def ask(self, **options: Any) -> int:
        ticket = next(self.bench.tickets)
        self.bench.engine.post(Watch(ticket, self.seen, **options))
        return ticket

    def answer(self, ticket: int) -> Any:
        found = [event for event in self.bench.events if isinstance(event, Watched) and event.ticket == ticket]
        if not found:
            return None
        [watched] = found
        self.seen = watched.view["turn"]
        self.views.append(watched.view)
        return watched.view

    def look(self, **options: Any) -> Any:
        """The next view, after all that is to be done at once."""
        ticket = self.ask(**options)
        self.bench.work()
        self.bench.clock.pass_(1.0)
        self.bench.work()
        return self.answer(ticket)

    def rest(self) -> Any:
        """The view once all is exact."""
        while True:
            if self.look() is None:  # nothing is left to be done
                return self.views[-1]


@pytest.fixture
def bench() -> Bench:
    return Bench(LONG)


def array(view: Any, name: str, kind: str) -> Any:
    return np.frombuffer(b64decode(view["document"][name]), kind)


def test_the_first_view_comes_at_once_and_shows_the_rows_as_they_are(bench):
    bench.rest()
    view = Onlooker(bench).look()
    rows = bench.session.cache.rows
    assert array(view, "ids", "<i4").tolist() == rows.ids.tolist()
    assert array(view, "cells", "<i4").tolist() == rows.cells.tolist()
    assert array(view, "changes", "<u2").tolist() == [0] * len(rows)
    assert set(array(view, "origin", "<i1").tolist()) == {Origin.UNKNOWN}
    assert (view["document"]["rows"], view["document"]["frontier"]) == (len(rows), len(rows))
    assert view["documents"] == [{
        "uri": bench.snapshot.uri, "current": True, "tokens": len(bench.session.tokens.ids), "rows": len(rows),
        "stale": 0, "bytes": bench.session.cache.nbytes, "hostBytes": 0,
    }]


def test_a_key_far_above_shows_what_was_kept_moved_and_encoded(bench):
    bench.edit(len(LONG), len(LONG), "z")
    bench.rest()
    onlooker = Onlooker(bench)
    before = onlooker.look()
    ticket = onlooker.ask()
    bench.edit(0, 0, "x = 1\n")
    bench.work()
    bench.clock.pass_(INTERVAL)
    bench.engine.turn(0)
    view = onlooker.answer(ticket)
    [stroke] = view["strokes"]
    totals = bench.session.totals
    assert (stroke["kind"], stroke["inserted"], stroke["removed"]) == ("edit", 6, 0)
    kept = set(array(before, "cells", "<i4").tolist()) & set(array(view, "cells", "<i4").tolist())
    assert stroke["rows"]["kept"] == len(kept)
    assert stroke["rows"]["encoded"] == len(array(view, "cells", "<i4")) - len(kept)
    assert stroke["rows"]["behind"] >= stroke["rows"]["encoded"]
    origin, written, moved = (array(view, name, kind) for name, kind in
                              (("origin", "<i1"), ("written", "<i4"), ("moved", "<i4")))
    now = view["stroke"]
    assert np.count_nonzero((origin == Origin.ENCODED) & (written == now)) == stroke["rows"]["encoded"]
    assert np.count_nonzero(moved == now) == stroke["rows"]["moved"] > 0
    assert totals.moved >= stroke["rows"]["moved"]
    assert array(view, "changes", "<u2").max() > 0


def test_rows_that_are_made_exact_at_rest_are_told_apart(bench):
    bench.edit(len(LONG), len(LONG), "z")
    bench.rest()
    onlooker = Onlooker(bench)
    onlooker.look()
    before = bench.session.totals.refreshed
    bench.edit(0, 0, "x = 1\n")
    view = onlooker.rest()
    origin, written = array(view, "origin", "<i1"), array(view, "written", "<i4")
    assert {Origin.REFRESHED, Origin.ENCODED} <= set(origin[written == view["stroke"]].tolist())
    last = next(stroke for seen in reversed(onlooker.views) for stroke in seen["strokes"])
    assert last["rows"]["refreshed"] == bench.session.totals.refreshed - before > 0


def test_the_totals_of_all_strokes_are_those_of_the_session():
    bench = Bench(TEXT)
    onlooker = Onlooker(bench)
    onlooker.look()
    bench.engine.post(OpenDocument(bench.snapshot))
    seen = {}
    for edit in ((4, 8, "surface"), (0, 0, "# a comment\n"), (3, 3, "\n"), (0, 4, "")):
        bench.edit(*edit)
        bench.work()
        for stroke in onlooker.look()["strokes"]:
            seen[stroke["number"]] = stroke["rows"]
    onlooker.rest()
    seen.update((stroke["number"], stroke["rows"]) for view in onlooker.views for stroke in view["strokes"])
    totals = bench.session.totals
    told: Counter[str] = Counter()
    for rows in seen.values():
        told.update(rows)
    assert told["encoded"] == totals.encoded + totals.slid
    assert told["repaired"] == totals.repaired
    assert told["refreshed"] == totals.refreshed


def test_how_likely_each_token_is_comes_at_rest_and_is_that_of_a_full_prefill():
    bench = Bench(LONG)
    complete(bench, 40)
    onlooker = Onlooker(bench)
    first = array(onlooker.look(), "likely", "<u2")
    view = onlooker.rest()
    rows = bench.session.cache.rows
    cache = ResidentCache(bench.model.decoder, len(rows) + 64)
    slots = torch.from_numpy(cache.take(len(rows), scratch=True))
    ids = torch.from_numpy(rows.ids.astype(np.int64))
    with torch.inference_mode():
        logits = cache.decoder.forward(cache.arrays(), RowBatch(ids, torch.arange(len(rows)), slots, EVERY, Branch(1)))
    likely = -logits.double().log_softmax(-1)[:-1].gather(-1, ids[1:, None])[:, 0].numpy()
    told = array(view, "likely", "<u2").astype(np.float64)
    assert len(first) <= len(told) == len(rows)
    assert told[0] == 65535
    np.testing.assert_allclose(told[1:] / 100, likely, atol=0.02)
    strokes = len({stroke["number"] for seen in onlooker.views for stroke in seen["strokes"]})
    bench.edit(0, 0, "z")
    after = array(onlooker.look(), "likely", "<u2")
    assert np.count_nonzero(after == 65535) > 1, "what stands behind the change is not known before it is exact"
    assert strokes <= 2, "nobody did anything"
    assert not np.count_nonzero(array(onlooker.rest(), "likely", "<u2")[1:] == 65535)


def test_what_a_large_model_would_take_too_long_for_is_not_found_out(bench):
    bench.rest()
    onlooker = Onlooker(bench)
    bench.engine.documents.shelving.pace.per_row = 60 / len(bench.session.cache.rows)
    onlooker.look()
    bench.work()
    view = onlooker.look() or onlooker.views[-1]
    assert set(array(view, "likely", "<u2").tolist()) == {65535}


def test_an_answer_belongs_to_its_key_and_what_was_generated_is_shown():
    bench = Bench(TEXT)
    onlooker = Onlooker(bench)
    onlooker.look()
    bench.edit(CARET - 1, CARET - 1, "w")
    answer = complete(bench, CARET)
    view = onlooker.look()
    stroke = view["strokes"][-1]
    assert stroke["answer"]["latency_ms"] == answer.report["latency_ms"]
    assert view["last"]["generated"] == answer.report["generated"]
    assert len(view["document"]["generated"]) == answer.report["generated"]
    assert stroke["forwards"] > 0


def test_a_move_of_the_caret_is_a_stroke_and_the_same_place_again_is_none():
    bench = Bench(TEXT)
    onlooker = Onlooker(bench)
    complete(bench, CARET)
    first = onlooker.look()["stroke"]
    complete(bench, CARET)
    assert onlooker.look()["stroke"] == first
    complete(bench, 0)
    assert onlooker.look()["strokes"][-1]["kind"] == "caret"


def test_an_edit_and_a_request_elsewhere_that_come_together_are_two_strokes_and_both_are_told():
    bench = Bench(LONG)
    complete(bench, 40)
    bench.rest()
    onlooker = Onlooker(bench)
    onlooker.look()
    bench.edit(0, 0, "y")
    complete(bench, 41)
    view = onlooker.look()
    assert [stroke["kind"] for stroke in view["strokes"]] == ["edit", "caret"]


def test_what_happens_between_two_questions_is_told_in_one_view(bench):
    bench.rest()
    onlooker = Onlooker(bench)
    first = onlooker.look()
    for _ in range(5):
        bench.edit(0, 0, "y")
        bench.work()
    view = onlooker.look()
    assert [stroke["number"] for stroke in view["strokes"]] == [first["stroke"] + step for step in range(1, 6)]
    assert sum(isinstance(event, Watched) for event in bench.events) == 2


def test_no_view_comes_without_news_but_a_word_after_some_seconds(bench):
    bench.rest()
    onlooker = Onlooker(bench)
    onlooker.look()
    onlooker.look()  # how likely each token is
    ticket = onlooker.ask()
    bench.work()
    assert onlooker.answer(ticket) is None
    assert bench.engine.patience() == pytest.approx(KEEPALIVE)
    bench.clock.pass_(KEEPALIVE)
    bench.engine.turn(0)
    assert onlooker.answer(ticket)["turns"] == []


def test_views_keep_their_distance(bench):
    bench.rest()
    onlooker = Onlooker(bench)
    onlooker.look()
    ticket, told = onlooker.ask(), 0
    for _ in range(20):
        bench.edit(0, 0, "y")
        bench.work()
        bench.clock.pass_(INTERVAL / 4)
        if onlooker.answer(ticket) is not None:
            ticket, told = onlooker.ask(), told + 1
    assert 4 <= told <= 5


def test_who_waits_for_a_completion_comes_first(bench):
    bench.rest()
    onlooker = Onlooker(bench)
    onlooker.look()
    ticket = onlooker.ask()
    bench.edit(0, 0, "y")
    bench.request(1)
    seen: list[bool] = []
    bench.decoder.before = lambda: seen.append(onlooker.answer(ticket) is not None)
    bench.work()
    assert seen
    assert not any(seen)


def test_a_view_comes_in_the_end_although_requests_always_wait(bench):
    bench.rest()
    onlooker = Onlooker(bench)
    onlooker.look()
    ticket = onlooker.ask()
    bench.edit(0, 0, "y")
    bench.request(1)
    bench.decoder.before = lambda: bench.clock.pass_(LATEST / 2)
    for _ in range(6):
        bench.engine.turn(0)
    assert onlooker.answer(ticket) is not None


def test_looking_on_does_not_try_again_what_has_failed(bench):
    bench.rest()
    onlooker = Onlooker(bench)
    onlooker.look()
    failures = []

    def fail():
        failures.append(1)
        raise RuntimeError("out of luck")

    bench.decoder.before = fail
    bench.edit(0, 0, "y")
    bench.work()
    for _ in range(5):
        onlooker.look()
    assert len(failures) == 1


def test_nobody_looks_any_more_and_nothing_is_kept(bench):
    bench.rest()
    Onlooker(bench).look()
    assert bench.session.cache.witness is not None
    bench.clock.pass_(PATIENCE + 1)
    bench.edit(0, 0, "y")
    bench.rest()
    assert bench.session.cache.witness is None
    assert bench.engine.patience() is None


def test_while_nobody_looks_nobody_is_told_of_turns(bench, monkeypatch):
    opened = []
    monkeypatch.setattr(tracing, "to", lambda *arguments: opened.append(arguments))
    bench.edit(0, 0, "y")
    bench.rest()
    assert not opened
    assert bench.session.cache.witness is None


def test_a_strip_has_200_turns_at_most(bench):
    onlooker = Onlooker(bench)
    onlooker.look()
    ticket = onlooker.ask()
    for number in range(TURNS + 30):
        bench.engine.post(Feedback(bench.snapshot.uri, number, "shown"))
        bench.engine.turn(0)
    bench.clock.pass_(1.0)
    bench.engine.turn(0)
    view = onlooker.answer(ticket)
    onlooker.seen = -1
    assert len(onlooker.look()["turns"]) == TURNS
    assert view["turn"] >= 1


def test_many_onlookers_are_bounded_and_all_are_answered(bench):
    bench.rest()
    onlookers = [Onlooker(bench) for _ in range(ONLOOKERS + 4)]
    first = [onlooker.ask() for onlooker in onlookers]
    bench.work()
    assert all(onlooker.answer(ticket) for onlooker, ticket in zip(onlookers, first, strict=True))


def test_a_view_of_another_engine_is_no_reason_to_wait(bench):
    bench.rest()
    onlooker = Onlooker(bench)
    onlooker.seen = 12345
    assert onlooker.look()["turns"] == []


def test_another_document_may_be_looked_at(bench):
    other = Snapshot("file:///other.py", 1, Rope.of(TEXT), "")
    onlooker = Onlooker(bench)
    bench.engine.post(OpenDocument(other))
    bench.rest()
    assert onlooker.look()["document"]["uri"] == other.uri
    onlooker.seen = -1
    assert onlooker.look(uri=bench.snapshot.uri)["document"]["uri"] == bench.snapshot.uri


def test_tokens_are_told_by_their_text(bench):
    ids = tuple(bench.session.tokens.ids[:9].tolist())
    bench.engine.post(DescribeTokens(77, ids))
    bench.work()
    [told] = [event for event in bench.events if isinstance(event, TokensDescribed)]
    assert "".join(told.texts) == LONG[: len("".join(told.texts))]
    assert told.ticket == 77
