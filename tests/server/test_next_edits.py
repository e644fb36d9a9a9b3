"""Requests for the next edit: their shape, who gets one, and one answer to each."""

from __future__ import annotations

from typing import Any

import pytest

from kvlsp.messages import Feedback, NextEdit, Reason
from tests.support.conversation import Conversation

TEXT = "def f(total):\r\n    return amount\r\n"


def conversation(mode: str = "on", *texts: str) -> Conversation:
    talk = Conversation(texts or ("    return total",))
    talk.start("utf-16", options={"nextEdit": mode})
    talk.open(text=TEXT)
    return talk


def ask(talk: Conversation, **params: Any) -> Any:
    number = talk.request("textDocument/copilotInlineEdit", {
        "textDocument": {"uri": "u:a", "version": 1}, "position": {"line": 0, "character": 3}, **params})
    talk.loop.run()
    [answer] = talk.answers(number)
    return answer


def test_an_edit_says_what_stands_where_in_the_shape_that_clients_speak():
    talk = conversation()
    assert ask(talk)["result"] == {"edits": [{
        "text": "    return total",
        "range": {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 17}},
        "textDocument": {"uri": "u:a", "version": 1},
        "command": {"title": "Accepted", "command": "kvlsp.accepted", "arguments": ["u:a", 1]},
    }]}
    [asked] = [message for message in talk.engine.messages if isinstance(message, NextEdit)]
    assert (asked.version, asked.offset, asked.trigger) == (1, 3, "automatic")


def test_who_is_only_answered_when_asking_gets_nothing_unasked():
    talk = conversation("asked")
    assert ask(talk)["result"] == {"edits": []}
    assert ask(talk, context={"triggerKind": 1})["result"]["edits"]
    assert talk.server.tickets.empty[Reason.DISABLED.value] == 1


def test_off_is_off_whoever_asks():
    assert ask(conversation("off"), context={"triggerKind": 1})["result"] == {"edits": []}


def test_an_unknown_document_and_a_request_without_a_place():
    talk = conversation()
    assert ask(talk, textDocument={"uri": "u:b"})["result"] == {"edits": []}
    assert ask(talk, position=None)["error"]["code"] == -32602


def test_that_it_is_shown_is_told_to_the_engine():
    talk = conversation()
    [edit] = ask(talk)["result"]["edits"]
    talk.notify("textDocument/didShowInlineEdit", {"item": {"command": edit["command"]}})
    talk.loop.run()
    assert talk.engine.feedback == [Feedback("u:a", 1, "shown")]


@pytest.mark.parametrize(("opened", "changed", "asked", "answered"), [
    (1, 2, 2, 2), (7, 7, 7, 7), (0, 0, 0, 0), (3, 1, 1, 1), (1, None, None, None), (1, 1, 2.0, 2), (None, 5, None, 5),
    (4, 5, "x", 5),
])
def test_an_edit_has_the_version_that_the_client_has(opened, changed, asked, answered):
    """Some clients count nothing, or say none; what comes back with another version is thrown away where they look."""
    talk = conversation()
    talk.open(text="", version=opened)
    talk.change("u:a", changed, {"text": "a\n"})
    talk.change("u:a", changed, {"text": TEXT})
    [edit] = ask(talk, textDocument={"uri": "u:a", "version": asked})["result"]["edits"]
    assert edit["textDocument"] == {"uri": "u:a", "version": answered}
