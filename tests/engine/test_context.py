"""The worker and the context of other files: placed when the keyboard rests, dropped for a keystroke, bounded."""

from __future__ import annotations

import dataclasses
import gc
import weakref
from typing import Any

import pytest

from kvlsp.engine.eviction import evict
from kvlsp.engine.oneshot import complete_text
from kvlsp.messages import (
    CloseDocument,
    Configure,
    ContextChunk,
    DescribeDocument,
    DescribeEngine,
    Feedback,
    OpenDocument,
    PlaceContext,
)
from kvlsp.reasons import Reason
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope
from tests.support.engine_bench import CARET, SETTINGS, TEXT, URI, Bench, complete, watched_model

SHAPES = ContextChunk("shapes.py", "class Square:\n    side: int\n" * 4)
SIZES = ContextChunk("a/sizes.py", "SMALL = 1\nLARGE = 9\n" * 8)
CONTEXT = PlaceContext(URI, (SHAPES, SIZES), "app", "memory.txt")


def placed(bench: Bench, uri: str = URI) -> tuple[str, ...]:
    """Tokens of each chunk in the layout, as text."""
    desk = bench.engine.documents.get(uri)
    assert desk is not None
    pieces = desk.session.placed.chunks if desk.session is not None else ()
    return tuple(bench.model.tokenizer.decode(piece.ids[1:]) for piece in pieces)


def shown(*chunks: ContextChunk) -> tuple[str, ...]:
    return tuple(f"{chunk.path}\n{chunk.text}" for chunk in chunks)


def statistics(bench: Bench) -> Any:
    bench.engine.post(DescribeEngine(77))
    bench.work()
    return bench.events[-1].statistics


def test_an_answer_behind_context_is_what_the_one_shot_path_gives():
    bench = Bench(TEXT)
    bench.engine.post(CONTEXT)
    bench.rest()
    assert placed(bench) == shown(SHAPES, SIZES)
    expected = complete_text(watched_model(), TEXT, CARET - 1, settings=SETTINGS, beside=CONTEXT).text
    assert [item.text for item in complete(bench, CARET - 1).items] == ([expected] if expected else [])


@pytest.mark.parametrize(("cross_file", "repository", "seen"), [
    ("auto", "", True), ("never", "", False), ("always", "", True), ("auto", "app", False)])
def test_the_other_cells_of_a_notebook_are_shown_with_the_default_model_too(cross_file, repository, seen):
    bench = Bench(TEXT, dataclasses.replace(SETTINGS, cross_file=cross_file))
    bench.engine.post(PlaceContext(URI, (SHAPES,), repository, "notes.ipynb"))
    bench.rest()
    assert placed(bench) == (shown(SHAPES) if seen else ())


def test_work_begun_without_the_context_is_given_up_once_it_is_in_place():
    bench = Bench(TEXT)
    at = CARET - 1
    bench.edit(at, at, "x")
    complete(bench, at + 1)
    bench.edit(at + 1, at + 1, "(")
    bench.at_forward(3, lambda: bench.engine.post(CONTEXT))
    bench.rest()
    assert placed(bench) == shown(SHAPES, SIZES)
    answer = complete(bench, at + 2)
    assert "ahead" not in answer.report
    assert "remembered" not in answer.report
    expected = complete_text(watched_model(), str(bench.snapshot.text), at + 2, settings=SETTINGS, beside=CONTEXT).text
    assert [item.text for item in answer.items] == [expected]


def test_an_answer_given_before_the_context_is_forgotten_once_it_is_in_place():
    bench = Bench(TEXT)
    complete(bench, CARET - 1)
    bench.engine.post(CONTEXT)
    bench.work()
    assert complete(bench, CARET - 1).report["remembered"]  # nothing has changed yet
    bench.rest()
    expected = complete_text(watched_model(), TEXT, CARET - 1, settings=SETTINGS, beside=CONTEXT).text
    answer = complete(bench, CARET - 1)
    assert "remembered" not in answer.report
    assert [item.text for item in answer.items] == ([expected] if expected else [])
    bench.engine.post(dataclasses.replace(CONTEXT, chunks=()))
    bench.rest()
    assert "remembered" not in complete(bench, CARET - 1).report


def test_an_answer_is_still_remembered_where_the_context_comes_to_the_same():
    bench = Bench(TEXT)
    bench.engine.post(CONTEXT)
    bench.rest()
    complete(bench, CARET - 1)
    bench.engine.post(dataclasses.replace(CONTEXT, chunks=(SHAPES, SIZES, SHAPES)))
    bench.rest()
    assert complete(bench, CARET - 1).report["remembered"]


def test_what_was_rejected_stays_rejected_behind_another_context():
    bench = Bench(TEXT)
    (item,) = complete(bench, CARET - 1).items
    bench.engine.post(Feedback(URI, item.completion, "rejected"))
    bench.engine.post(CONTEXT)
    bench.rest()
    bench.engine.post(dataclasses.replace(CONTEXT, chunks=()))
    bench.rest()
    assert complete(bench, CARET - 1).reason is Reason.REJECTED_BEFORE


def test_nothing_is_encoded_or_placed_before_the_keyboard_rests():
    bench = Bench(TEXT)
    bench.edit(0, 0, "x")
    bench.engine.post(CONTEXT)
    bench.work()
    complete(bench, CARET)
    assert placed(bench) == ()
    assert statistics(bench)["chunkRows"] == {}
    bench.rest()
    assert placed(bench) == shown(SHAPES, SIZES)


def test_a_keystroke_comes_between_two_forwards_and_sees_the_old_layout():
    bench = Bench(TEXT)
    bench.work()
    bench.engine.post(CONTEXT)
    bench.engine.turn(0)
    bench.clock.pass_(1)
    bench.at_forward(1, lambda: bench.edit(0, 0, "x"))
    bench.engine.turn(0)
    assert bench.engine.owes
    bench.at_forward(0, lambda: None)
    before = statistics(bench)["chunkRows"]["encoded"]
    complete(bench, CARET)
    assert placed(bench) == ()
    assert statistics(bench)["chunkRows"]["encoded"] == before
    bench.rest()
    assert placed(bench) == shown(SHAPES, SIZES)
    # what was encoded before the keystroke was not encoded again
    chunks = sum(len(chunk.path) + len(chunk.text) + 2 for chunk in (SHAPES, SIZES))
    assert statistics(bench)["chunkRows"]["encoded"] == chunks + 2 * len("\0app")


def test_the_newest_context_wins_and_what_stays_is_kept():
    bench = Bench(TEXT)
    bench.engine.post(CONTEXT)
    bench.rest()
    encoded = statistics(bench)["chunkRows"]["encoded"]
    bench.engine.post(dataclasses.replace(CONTEXT, chunks=(SIZES,)))
    bench.engine.post(dataclasses.replace(CONTEXT, chunks=(SIZES, SHAPES)))
    bench.rest()
    assert placed(bench) == shown(SIZES, SHAPES)
    rows = statistics(bench)["chunkRows"]
    assert rows["encoded"] == encoded
    assert rows["kept"] == rows["copied"]


def test_a_second_document_copies_what_the_first_has_encoded():
    bench = Bench(TEXT)
    bench.engine.post(CONTEXT)
    bench.rest()
    encoded = statistics(bench)["chunkRows"]["encoded"]
    bench.engine.post(OpenDocument(Snapshot("file:///other.txt", 1, Rope.of("x = 1\n"), "")))
    bench.engine.post(dataclasses.replace(CONTEXT, uri="file:///other.txt"))
    bench.rest()
    assert placed(bench, "file:///other.txt") == shown(SHAPES, SIZES)
    assert statistics(bench)["chunkRows"]["encoded"] == encoded
    assert statistics(bench)["chunks"] == 2


def test_switched_off_it_is_taken_away_and_comes_back_by_a_copy():
    bench = Bench(TEXT)
    bench.engine.post(CONTEXT)
    bench.rest()
    encoded = statistics(bench)["chunkRows"]["encoded"]
    bench.engine.post(Configure(dataclasses.replace(SETTINGS, cross_file="never")))
    bench.rest()
    assert placed(bench) == ()
    bench.engine.post(Configure(SETTINGS))
    bench.rest()
    assert placed(bench) == shown(SHAPES, SIZES)
    assert statistics(bench)["chunkRows"]["encoded"] == encoded


def test_a_text_taken_over_whole_keeps_its_context_and_a_closed_document_loses_it():
    bench = Bench(TEXT)
    bench.engine.post(CONTEXT)
    bench.rest()
    bench.engine.post(OpenDocument(Snapshot(URI, 9, Rope.of("y = 2\n"), "")))
    bench.rest()
    assert placed(bench) == shown(SHAPES, SIZES)
    bench.engine.post(CloseDocument(URI))
    bench.engine.post(OpenDocument(Snapshot(URI, 1, Rope.of("y = 2\n"), "")))
    bench.rest()
    assert placed(bench) == ()


def test_a_document_closed_half_way_holds_no_memory():
    bench = Bench(TEXT)
    bench.work()
    bench.engine.post(CONTEXT)
    bench.engine.turn(0)
    bench.clock.pass_(1)
    bench.engine.turn(0)
    desk = bench.engine.documents.get(URI)
    assert desk is not None
    held = weakref.ref(desk.session.cache)  # type: ignore[union-attr]
    assert bench.engine.documents.placing.rows["encoded"] > 0
    assert placed(bench) == ()
    bench.engine.post(CloseDocument(URI))
    bench.engine.turn(0)
    del desk
    gc.collect()
    assert held() is None


def test_context_for_a_document_that_is_not_open_is_ignored():
    bench = Bench(TEXT)
    bench.engine.post(dataclasses.replace(CONTEXT, uri="file:///unknown"))
    bench.rest()
    assert statistics(bench)["chunks"] == 0


def test_chunks_count_under_the_bound_and_go_before_the_current_document():
    bench = Bench(TEXT)
    bench.engine.post(CONTEXT)
    bench.rest()
    desk = bench.engine.documents.get(URI)
    assert desk is not None
    assert desk.session is not None
    full = statistics(bench)
    assert full["chunkBytes"] > 0
    assert full["cacheBytes"] == desk.session.cache.nbytes + full["chunkBytes"]
    bench.engine.documents.bound = desk.session.cache.nbytes + full["chunkBytes"] - 1
    evict(bench.engine.documents, bench.clock())
    assert statistics(bench)["chunks"] == 1
    bench.engine.documents.bound = desk.session.cache.nbytes
    bench.engine.post(dataclasses.replace(CONTEXT, chunks=(SIZES, ContextChunk("new.py", "z = 3\n"))))
    bench.rest()  # comes to rest though no chunk can be kept
    assert statistics(bench)["chunks"] == 0
    assert len(desk.session.cache.rows) > 0


def test_a_document_says_how_much_of_its_cache_is_context():
    bench = Bench(TEXT)
    bench.engine.post(CONTEXT)
    bench.rest()
    bench.engine.post(DescribeDocument(9, URI))
    bench.work()
    described = bench.events[-1].description
    assert described["tokens"] == len(TEXT)
    assert described["cachedTokens"] == len(TEXT) + 3 + described["contextTokens"]
    assert described["contextTokens"] == sum(
        len(text) for text in ("\0app", *("\0" + chunk for chunk in shown(SHAPES, SIZES)), "\0memory.txt\n")
    )
