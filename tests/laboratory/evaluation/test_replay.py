"""Replay and gestures on a tiny model: the figures are counted, and a wrong text or token is seen."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from kvlsp.errors import TraceError
from kvlsp.laboratory.evaluation import replay as replaying
from kvlsp.laboratory.evaluation.gestures import GESTURES, growth, measure
from kvlsp.laboratory.evaluation.oracle import published_mismatches
from kvlsp.laboratory.evaluation.trace import Trace, read_trace
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from kvlsp.tokens.document import TokenizedText
from kvlsp.tokens.tokenizer import Tokenizer
from tests.support.byte_tokenizer import byte_tokenizer_json
from tests.support.models import tiny_model

SESSION = {
    "startContent": "def f(x):\n    return x\n",
    "endContent": "",
    "txns": [
        {"time": "2026-01-01T00:00:00Z", "patches": [[0, 0, "import os\n"]]},
        {"time": "2026-01-01T00:00:01Z", "patches": [[10, 3, "async def"], [0, 0, "# é😀\n"]]},
        *({"time": "", "patches": [[20 + i, 0, "ab"[i % 2]]]} for i in range(20)),
        {"time": "", "patches": [[3, 12, ""]]},
    ],
}


@pytest.fixture
def trace(tmp_path) -> Trace:
    path = tmp_path / "session.json.gz"
    path.write_bytes(gzip.compress(json.dumps(SESSION).encode()))
    return read_trace(path)


def test_a_replay_counts_rows_and_finds_no_mismatch(trace):
    figures = replaying.replay(tiny_model(1), trace, start=1, check_every=3)
    assert figures["edits"] == 22
    assert figures["text_mismatches"] == figures["token_mismatches"] == 0
    assert 1 <= figures["encoded_tokens"]["p50"] <= 3
    reuse = figures["prefix_reuse_tokens"]
    assert reuse["prefix_first"]["mean"] > figures["encoded_tokens"]["mean"]
    assert figures["max_key_error"] <= 2 * figures["one_rotation_key_error"] + 1e-15


def test_a_wrong_token_is_seen(trace, monkeypatch):
    original = replaying._transact

    def forgetful(session, changes, caret, measured):
        original(session, changes, caret, measured)
        session.cache.rows.ids.setflags(write=True)
        session.cache.rows.ids[-1] += 1

    monkeypatch.setattr(replaying, "_transact", forgetful)
    assert replaying.replay(tiny_model(1), trace, check_every=1)["token_mismatches"] > 0


def recorded(*patches: object, start: object = "a") -> bytes:
    return json.dumps({"startContent": start, "endContent": "a", "txns": [{"patches": patches}]}).encode()


@pytest.mark.parametrize(("content", "sentence"), [
    (b"no json", "is not a recorded editing session"),
    (b"\x1f\x8bbroken", "cannot be read|is not a recorded"),
    (json.dumps({"txns": []}).encode(), "KeyError"),
    (recorded(["0", 0, "x"]), "TypeError"),
    (recorded([0, True, "x"]), "TypeError"),
    (recorded([0, 0, 1]), "TypeError"),
    (recorded(start=["a"]), "TypeError"),
    (recorded(start="\ud83d"), "UnicodeEncodeError"),
])
def test_broken_traces_are_refused_with_a_sentence(tmp_path, content, sentence):
    path = tmp_path / "trace.json"
    path.write_bytes(content)
    with pytest.raises(TraceError, match=sentence):
        read_trace(path)
    with pytest.raises(TraceError, match="cannot be read"):
        read_trace(tmp_path / "missing.json")
    with pytest.raises(TraceError, match="cannot be read"):
        read_trace(Path("/dev/zero"))


def test_edits_outside_the_text_and_starts_outside_the_trace_are_refused(trace):
    with pytest.raises(TraceError, match="cannot start at"):
        replaying.replay(tiny_model(1), trace, start=99)
    broken = Trace("broken", "abc", ((Edit(2, 9, ""),),), "")
    with pytest.raises(TraceError, match="characters 2 to 9 of 3"):
        replaying.replay(tiny_model(1), broken)


def test_every_gesture_encodes_little_more_than_it_writes_or_crosses():
    text = "".join(f"value_{n} = compute({n})\n" for n in range(300))
    figures = measure(tiny_model(1), text[: 12 * 250], repeats=1, context=4096)
    assert [run["gesture"] for run in figures["gestures"]] == [gesture.name for gesture in GESTURES]
    lines = {
        "Enter": 6, "insert a line 100 lines above": 35, "replace a line 100 lines above": 35, "jump 500 lines": 256,
        "caret up one line": 30, "caret down one line": 30, "move a 40-line block": 40 * 26,
    }
    for run in figures["gestures"]:
        assert run["encoded"] <= lines.get(run["gesture"], 0) + 8


def test_the_rows_of_an_edit_at_the_top_do_not_grow_with_the_document():
    rows = growth(tiny_model(1), "value = compute(1)\n" * 100, (500, 1000, 2000), repeats=1)
    assert len({row["encoded"] for row in rows}) == 1
    assert [row["document_tokens"] for row in rows] == sorted(row["document_tokens"] for row in rows)


def test_a_replay_compares_with_the_published_tokenizer(trace, tmp_path):
    assert replaying.replay(tiny_model(1), trace, check_every=1)["published_mismatches"] is None
    (tmp_path / "tokenizer.json").write_text(byte_tokenizer_json())
    tokenizer = Tokenizer.load(tmp_path)
    model = replace(tiny_model(1), tokenizer=tokenizer)
    assert replaying.replay(model, trace, check_every=1)["published_mismatches"] == 0
    tokens = TokenizedText.of(tokenizer, Rope.of("é = 1"))
    published = tokenizer.published()
    assert published_mismatches(tokens, "é = 1", published) == 0
    assert published_mismatches(tokens, "é = 2", published) == 2
    assert published_mismatches(tokens, "e = 1<|fim_prefix|>", published) == 1
