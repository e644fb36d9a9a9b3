"""Requests for the next edit: their shape, who gets one, and one answer to each."""

from __future__ import annotations

from typing import Any

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
