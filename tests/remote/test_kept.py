"""What a daemon keeps: every question that an engine could leave open, and all that is open."""

from __future__ import annotations

import dataclasses
import typing

import pytest

from kvlsp import messages
from kvlsp.config import Settings
from kvlsp.messages import (
    CloseDocument,
    Complete,
    ContextChunk,
    DescribeDocument,
    DescribeEngine,
    DescribeTokens,
    NextEdit,
    OpenDocument,
    PlaceContext,
    Reason,
    Remember,
    RememberedFile,
    Watch,
)
from kvlsp.remote.kept import Kept
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope

QUESTIONS = [
    Complete(7, "u:a", 1, 0, "automatic", 0.0),
    NextEdit(7, "u:a", 1, 0, "automatic", 0.0),
    DescribeDocument(7, "u:a"),
    DescribeEngine(7),
    DescribeTokens(7, (1, 2)),
    Watch(7),
]


def opened(uri: str, text: str = "") -> OpenDocument:
    return OpenDocument(Snapshot(uri, 1, Rope.of(text), "python"))


def test_no_question_is_left_out_here():
    asking = {kind for kind in typing.get_args(messages.Message)
              if "ticket" in {field.name for field in dataclasses.fields(kind)}}
    assert {type(question) for question in QUESTIONS} == asking


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: type(question).__name__)
def test_a_question_has_one_answer(question):
    kept = Kept(Settings())
    kept.note(question)
    assert kept.waits(7)
    [answer] = kept.answers(Reason.SHUTTING_DOWN)
    assert answer.ticket == 7
    assert not kept.waits(7)
    assert kept.answers(Reason.SHUTTING_DOWN) == []
    assert not kept.answered(answer), "whoever asked has been answered"
    kept.note(question)
    assert kept.answered(answer)


def test_the_next_engine_is_told_what_is_open_the_latest_last():
    kept = Kept(Settings())
    for uri in ("u:a", "u:b", "u:c"):
        kept.note(opened(uri))
    placed = PlaceContext("u:b", (ContextChunk("x.py", "x = 1\n"),))
    kept.note(placed)
    kept.note(PlaceContext("u:never", ()))
    kept.note(opened("u:a", "again"))
    kept.note(CloseDocument("u:c"))
    kept.note(Watch(9))
    told = list(kept.again())
    assert [message.snapshot.uri for message in told if isinstance(message, OpenDocument)] == ["u:b", "u:a"]
    assert told[1] == placed
    assert told[-1] == Watch(9)


def test_what_is_in_no_memory_is_told_again_before_the_texts():
    kept = Kept(Settings())
    kept.note(Remember((), withheld=("file:///a.py",)))
    kept.note(Remember((RememberedFile("b.py", "x"),), anew=True))
    assert list(kept.again()) == [Remember((), withheld=("file:///a.py",)), Remember((RememberedFile("b.py", "x"),))]
    kept.note(Remember((), withheld=()))
    assert list(kept.again()) == [Remember((RememberedFile("b.py", "x"),))]
