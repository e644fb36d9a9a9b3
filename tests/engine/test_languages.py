"""In a language that the model has not learned nothing comes by itself, and that is said once; who asks by hand gets
what there is."""

from __future__ import annotations

import dataclasses
import json

from kvlsp.default_model.knows import Knowledge
from kvlsp.messages import Complete, Notice, OpenDocument
from kvlsp.reasons import Reason
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope
from tests.support.engine_bench import CARET, TEXT, Bench, watched_model

URI = "file:///main.rs"


def test_only_who_asks_by_hand_gets_what_there_is(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"code_languages": ["python"]}))
    model = dataclasses.replace(watched_model(), knowledge=Knowledge(tmp_path))
    bench = Bench(TEXT, load=lambda *_: model)
    bench.engine.post(OpenDocument(Snapshot(URI, 1, Rope.of(TEXT), "rust")))
    requests = [Complete(next(bench.tickets), URI, 1, CARET - 1, trigger, bench.clock())
                for trigger in ("automatic", "automatic", "invoked")]
    for request in requests:
        bench.engine.post(request)
    bench.work()
    first, second, by_hand = (bench.answer(request) for request in requests)
    assert first.reason is second.reason is Reason.UNKNOWN_LANGUAGE
    assert by_hand.reason is not Reason.UNKNOWN_LANGUAGE
    assert by_hand.report["generated"] > 0
    (notice,) = [event for event in bench.events if isinstance(event, Notice)]
    assert "Rust" in notice.text
    assert "set `model`" in notice.text
    bench.engine.post(OpenDocument(Snapshot("file:///main.py", 1, Rope.of(TEXT), "python")))
    known = Complete(next(bench.tickets), "file:///main.py", 1, CARET - 1, "automatic", bench.clock())
    bench.engine.post(known)
    bench.work()
    assert bench.answer(known).report["generated"] > 0
