"""Several documents, windows that grow, a decoder that fails and takes its time, settings and bounds that change, rows
that are dropped or leave for host memory: any order of these ends in a rest at which the document in front is exact,
and every request has had one answer in its time.

Windows are so small that short texts have some that grow, slide and jump.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kvlsp.config import Settings
from kvlsp.engine.engine import Engine
from kvlsp.laboratory.evaluation.oracle import prefill, token_mismatches
from kvlsp.messages import (
    CancelToken,
    CloseDocument,
    Complete,
    Completed,
    Configure,
    ContextChunk,
    DescribeDocument,
    DocumentDescribed,
    EditDocument,
    Feedback,
    OpenDocument,
    PlaceContext,
    Selected,
    Shutdown,
)
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from tests.support.clock import ManualClock
from tests.support.models import tiny_model
from tests.support.small_windows import small_windows

URIS = ("file:///a.py", "file:///b.py", "file:///c.py")
SETTINGS = Settings(max_tokens=8, multi_line="never", candidates=2, confidence=0.0, context_tokens=640,
                    cross_file="always", cross_file_tokens=64)
OTHERS: list[dict[str, Any]] = [
    {}, {"context_tokens": 520}, {"full_prefill": True},
    {"full_prefill": True, "context_tokens": 520}, {"ahead": False}, {"drafts": False}, {"enable": False},
    {"candidates": 3}, {"repair_budget": 8}, {"cross_file": "never"}, {"confidence": 0.9}, {"temperature": 0.8},
    {"deadline_ms": 50}, {"model": "another"}, {"disabled_languages": ("b",)},
]
LINES = "".join(f"v{number} = f({number})\n" for number in range(100))
TEXTS = st.sampled_from(["", "x", "name", "()", "\n", "def f(x):\n", LINES[:90], LINES[:400], LINES[:900]])
SIZES = st.sampled_from([len(LINES), len(LINES), 900, 400, 90, 7, 0])
PLACE = st.floats(0, 1, exclude_max=True)
WHICH = st.integers(0, len(URIS) - 1)


class Refused(BaseException):
    """As a library in another language raises it."""


class Moody:
    """A decoder that takes ``seconds`` for a forward, and fails at the one ``fails_in`` forwards from now."""

    def __init__(self, decoder: Any, passes: Callable[[float], None]) -> None:
        self._decoder, self._passes = decoder, passes
        self.seconds = 0.0
        self.fails_in = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    def forward(self, document: Any, rows: Any) -> Any:
        self._passes(self.seconds)
        self.fails_in -= 1
        if not self.fails_in:
            raise Refused
        return self._decoder.forward(document, rows)


class Editor(RuleBasedStateMachine):
    """``texts`` are what the editor shows, by URI."""

    def __init__(self) -> None:
        super().__init__()
        self.patched = small_windows(block=32, margin=64, first=64, room=8)
        self.patched.start()

    def teardown(self) -> None:
        try:
            if hasattr(self, "engine"):
                self.engine.post(Shutdown())
                assert not self.engine.turn(0)
                self.check_answers(all_of_them=True)
        finally:
            self.patched.stop()

    @initialize(texts=st.lists(SIZES, min_size=3, max_size=3), order=st.sampled_from(
        ["suffix_first", "prefix_first", "plain"]), offloads=st.booleans())
    def start(self, texts: list[int], order: Any, offloads: bool) -> None:
        self.events: list[Any] = []
        self.clock = ManualClock()
        model = tiny_model(1, order, heals=False)
        self.decoder = Moody(model.decoder, self.clock.pass_)
        self.model = dataclasses.replace(model, decoder=self.decoder, offloads=offloads)
        self.engine = Engine(SETTINGS, self.events.append, lambda *_: self.model, self.clock)
        self.engine.documents.piece = 150
        self.settings = SETTINGS
        self.engine.load()
        self.engine.turn(None)
        self.tickets, self.versions = count(1), count(1)
        self.asked: dict[int, tuple[Complete, float]] = {}
        self.open_documents: dict[str, Snapshot] = {}
        for uri, size in zip(URIS, texts, strict=True):
            self.open(uri, LINES[:size])

    # --- what an editor sends --------------------------------------------------------------------------------

    def open(self, uri: str, text: str) -> None:
        snapshot = Snapshot(uri, next(self.versions), Rope.of(text), uri[-4])
        self.open_documents[uri] = snapshot
        self.engine.post(OpenDocument(snapshot))

    def change(self, uri: str, start: int, end: int, text: str, *, disagrees: bool = False) -> None:
        before = self.open_documents[uri]
        edit = Edit(start, end, text)
        rope = before.text.replace(edit)
        after = Snapshot(uri, next(self.versions), rope, before.language)
        self.open_documents[uri] = after
        base = -1 if disagrees else before.version
        self.engine.post(EditDocument(uri, base, (Change(edit, rope),), after))

    def at(self, uri: str, place: float) -> int:
        return int(place * (len(self.open_documents[uri].text) + 1))

    @rule(which=WHICH, size=SIZES)
    def open_or_open_again(self, which: int, size: int) -> None:
        self.open(URIS[which], LINES[:size])

    @rule(which=WHICH)
    def close(self, which: int) -> None:
        self.open_documents.pop(URIS[which], None)
        self.engine.post(CloseDocument(URIS[which]))

    @rule(which=WHICH, place=PLACE, length=st.integers(0, 300), text=TEXTS, disagrees=st.booleans())
    def edit(self, which: int, place: float, length: int, text: str, disagrees: bool) -> None:
        uri = URIS[which]
        if uri not in self.open_documents:
            return
        start = self.at(uri, place)
        end = min(len(self.open_documents[uri].text), start + (length if length % 3 == 0 else 0))
        self.change(uri, start, end, text, disagrees=disagrees and length % 5 == 0)

    @rule(which=WHICH, keys=st.integers(1, 3), asks=st.booleans())
    def type_along(self, which: int, keys: int, asks: bool) -> None:
        """What is being generated, or an x."""
        uri = URIS[which]
        if uri not in self.open_documents:
            return
        while self.engine.documents.get(uri) is None:
            self.turn()
        document = self.engine.documents.get(uri)
        job = document.job
        follows = job is not None and job.selected is None and document.snapshot is self.open_documents[uri]
        if follows and job.text[job.typed :]:
            at, text = job.offset + job.typed, job.text[job.typed : job.typed + keys]
        else:
            at, text = len(self.open_documents[uri].text) // 2, "x"
        self.change(uri, at, at, text)
        if asks:
            self.ask(uri, at + len(text), "automatic")

    def ask(self, uri: str, offset: int, trigger: Any, selected: Selected | None = None) -> Complete:
        known = self.open_documents.get(uri)
        request = Complete(next(self.tickets), uri, known.version if known is not None else 1, offset, trigger,
                           self.clock(), selected, CancelToken())
        self.asked[request.ticket] = (request, self.clock())
        self.engine.post(request)
        return request

    @rule(which=WHICH, place=PLACE, trigger=st.sampled_from(["automatic", "invoked"]), entry=st.sampled_from(
        [None, None, "", "name", "value_1"]), turns=st.integers(0, 3))
    def complete(self, which: int, place: float, trigger: Any, entry: str | None, turns: int) -> None:
        uri = URIS[which]
        offset = self.at(uri, place) if uri in self.open_documents else 3
        selected = None
        if entry is not None and uri in self.open_documents:
            selected = Selected(max(0, offset - 3), offset, entry)
        self.ask(uri, offset, trigger, selected)
        for _ in range(turns):
            self.turn()

    @precondition(lambda self: self.asked)
    @rule(back=st.integers(1, 3))
    def cancel(self, back: int) -> None:
        request, _ = list(self.asked.values())[-min(back, len(self.asked))]
        request.cancel.cancel()

    @precondition(lambda self: self.asked)
    @rule(trigger=st.sampled_from(["automatic", "invoked"]))
    def ask_again(self, trigger: Any) -> None:
        """At the place of the last request, for the text as it is now."""
        request, _ = list(self.asked.values())[-1]
        known = self.open_documents.get(request.uri)
        if known is not None and request.offset <= len(known.text):
            self.ask(request.uri, request.offset, trigger)

    @rule(which=WHICH, sizes=st.lists(st.integers(1, 60), max_size=2))
    def show_other_files(self, which: int, sizes: list[int]) -> None:
        chunks = tuple(ContextChunk(f"{size}.py", LINES[:size] + "\n") for size in sizes)
        self.engine.post(PlaceContext(URIS[which], chunks, "", "main.py"))

    @rule(kind=st.sampled_from(["accepted", "rejected"]))
    def feedback(self, kind: Any) -> None:
        offered = [(e, item) for e in self.events if isinstance(e, Completed) for item in e.items]
        if offered:
            answer, item = offered[-1]
            self.engine.post(Feedback(self.asked[answer.ticket][0].uri, item.completion, kind))

    @rule(which=WHICH)
    def describe(self, which: int) -> None:
        self.engine.post(DescribeDocument(next(self.tickets) + 10_000, URIS[which]))

    @rule(change=st.sampled_from(OTHERS))
    def configure(self, change: dict[str, Any]) -> None:
        self.settings = dataclasses.replace(SETTINGS, **change)
        self.engine.post(Configure(self.settings))
        self.turn()
        while self.engine.documents.model is None:
            self.engine.turn(1)  # it loads in a thread of its own

    @rule(wholes=st.sampled_from([None, 1.0, 1.2, 2.5]))
    def bound_the_caches(self, wholes: float | None) -> None:
        """To so many whole windows."""
        whole = SETTINGS.context_tokens * self.model.decoder.bytes_per_slot
        self.engine.documents.share = None if wholes is None else int(wholes * whole)

    # --- what happens meanwhile ------------------------------------------------------------------------------

    @rule(forwards=st.integers(1, 8))
    def something_will_fail(self, forwards: int) -> None:
        self.decoder.fails_in = forwards

    @rule(seconds=st.sampled_from([0.0, 0.001, 0.03, 0.3]))
    def forwards_take(self, seconds: float) -> None:
        self.decoder.seconds = seconds

    @rule(seconds=st.sampled_from([0.01, 0.2, 3.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.pass_(seconds)

    @rule(turns=st.integers(1, 12))
    def work(self, turns: int) -> None:
        for _ in range(turns):
            self.turn()

    def turn(self) -> None:
        begun = self.clock()
        assert self.engine.turn(0)
        late = [request.ticket for request, _ in self.asked.values() if self.deadline(request) <= begun]
        answered = {e.ticket for e in self.events if isinstance(e, Completed)}
        assert answered.issuperset(late)

    def deadline(self, request: Complete) -> float:
        """Under the most patient settings."""
        return request.received + (0.6 if request.trigger == "automatic" else 2.0)

    @rule()
    def rest(self) -> None:
        for _ in range(3000):
            patience = self.engine.patience()
            if patience is None:
                break
            self.clock.pass_(patience)
            self.turn()
        else:
            raise AssertionError("the engine does not come to rest")
        assert not self.engine.owes
        self.check_answers(all_of_them=True)
        self.check_exact()

    # --- what holds ------------------------------------------------------------------------------------------

    def check_answers(self, *, all_of_them: bool) -> None:
        answered = Counter(e.ticket for e in self.events if isinstance(e, Completed))
        assert not [ticket for ticket, times in answered.items() if times > 1]
        if all_of_them:
            assert set(answered) == set(self.asked)

    def check_exact(self) -> None:
        """The document in front is at the layout of its caret, and as a full prefill would have it."""
        documents = self.engine.documents
        document = documents.get(documents.current)
        if document is None or document.failed or not documents.serves(document):
            return
        session = document.session
        assert session is not None
        assert document.synced
        assert not session.behind
        assert not session.wants_slide
        assert session.cache.stale == 0
        assert token_mismatches(session, session.caret) == 0
        layout = session.layout(session.caret)
        if not len(layout):
            return  # plain order at the beginning of the text
        last = [len(layout) - 1]
        seconds, self.decoder.seconds, self.decoder.fails_in = self.decoder.seconds, 0.0, 0
        oracle = prefill(session, layout, wanted=last)
        for layer in range(len(oracle.arrays().truth)):
            for mine, other in ((session.cache.arrays().truth, oracle.arrays().truth),
                                (session.cache.arrays().values, oracle.arrays().values)):
                torch.testing.assert_close(
                    mine[layer][:, torch.from_numpy(session.cache.rows.slots)],
                    other[layer][:, torch.from_numpy(oracle.rows.slots)], rtol=0, atol=1e-9)
        self.decoder.seconds = seconds

    @invariant()
    def nothing_is_answered_twice(self) -> None:
        if hasattr(self, "engine"):
            self.check_answers(all_of_them=not self.engine.owes)

    @invariant()
    def texts_and_rows_are_right(self) -> None:
        if not hasattr(self, "engine"):
            return
        if not self.engine.owes:
            assert {document.snapshot.uri for document in self.engine.documents} == set(self.open_documents)
        for document in self.engine.documents:
            session = document.session
            if not self.engine.owes:
                assert str(document.snapshot.text) == str(self.open_documents[document.snapshot.uri].text)
            if session is not None:
                session.cache.check_integrity()
                supposed = document.completing and document.job.selected is not None
                assert supposed or session.snapshot is document.snapshot
                if document.synced and document.sync is None and not session.behind and not supposed:
                    assert token_mismatches(session, session.caret) == 0
                if not document.completing:
                    assert (len(session.cache.table.of_scratch()) > 0) == (session.cache.scratch is not None)

    @invariant()
    def a_description_is_of_what_is_shown(self) -> None:
        if not hasattr(self, "engine") or self.engine.owes:
            return
        for event in self.events:
            if isinstance(event, DocumentDescribed) and event.description is not None:
                assert event.description["cachedTokens"] <= SETTINGS.context_tokens


EVERYWHERE = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestEditor = Editor.TestCase
TestEditor.settings = EVERYWHERE


def test_windows_grow_in_these_histories() -> None:
    editor = Editor()
    editor.start([len(LINES)] * 3, "suffix_first", False)
    editor.rest()
    session = editor.engine.documents.get(URIS[2]).session
    assert session is not None
    assert session.totals.slid > 2 * 64
    editor.teardown()


@pytest.mark.slow
def test_two_thousand_days() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(Editor, settings=settings(EVERYWHERE, max_examples=2000))
