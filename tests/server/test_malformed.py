"""Messages that are JSON-RPC but not the protocol: refused with a sentence, never half understood."""

from __future__ import annotations

from typing import Any

import pytest

from kvlsp.server.answers import INVALID_PARAMS
from tests.support.conversation import Conversation


@pytest.fixture
def talk() -> Conversation:
    talk = Conversation()
    talk.start()
    return talk


def between(start: tuple[Any, Any], end: tuple[Any, Any], text: Any) -> dict[str, Any]:
    (line, character), (end_line, end_character) = start, end
    return {"range": {"start": {"line": line, "character": character},
                      "end": {"line": end_line, "character": end_character}}, "text": text}


def said(talk: Conversation) -> str:
    """The one sentence that the user or the client's log was told."""
    [message] = [*talk.notified("window/logMessage"), *talk.notified("window/showMessage")]
    return message["message"]


FRACTION = "a number with a fraction"

NO_STRING = [(None, "null"), (5, "5"), (True, "true"), ([], "a list"), ({}, "an object"), (1.5, FRACTION)]


@pytest.mark.parametrize(("text", "kind"), NO_STRING)
def test_a_text_that_is_no_string_is_no_document(talk, text, kind):
    talk.open(text=text)
    assert f"params.textDocument.text must be a string, not {kind}." in said(talk)
    assert "u:a" not in talk.server.documents
    assert talk.engine.documents == {}


@pytest.mark.parametrize(("text", "kind"), NO_STRING)
@pytest.mark.parametrize("change", [lambda text: {"text": text}, lambda text: between((0, 0), (0, 1), text)])
def test_a_change_whose_text_is_no_string_is_refused(talk, text, kind, change):
    talk.open(text="kept")
    talk.change("u:a", 2, change(text))
    assert f"params.contentChanges[0].text must be a string, not {kind}." in said(talk)


@pytest.mark.parametrize("key", ["uri", "languageId"])
def test_names_of_a_document_are_strings(talk, key):
    talk.notify("textDocument/didOpen", {"textDocument": {
        "uri": "u:a", "languageId": "python", "version": 1, "text": "x", key: None}})
    assert f"params.textDocument.{key} must be " in said(talk)
    assert len(talk.server.documents) == 0


@pytest.mark.parametrize(("line", "kind"), [
    (1.5, FRACTION), ("1", "a string"), (True, "true"), (None, "null"), (-1, "-1"), (1 << 31, "one of so many digits"),
    (float("nan"), FRACTION), (float("inf"), FRACTION),
])
def test_positions_are_integers_that_can_be(talk, line, kind):
    talk.open(text="a\nb")
    number = talk.complete(line=line)
    talk.loop.run()
    [answer] = talk.answers(number)
    assert answer["error"]["code"] == INVALID_PARAMS
    assert f"params.position.line must be an integer from 0 to 2147483647, not {kind}." in answer["error"]["message"]
    talk.change("u:a", 2, between((line, 0), (1, 0), "x"))
    assert "params.contentChanges[0].range.start.line must be an integer" in said(talk)


def test_an_integer_may_be_written_as_a_number_with_a_point(talk):
    talk.open(text="a\nb")
    talk.change("u:a", 2.0, between((1.0, 0.0), (1.0, 1.0), "B"))
    assert talk.text() == "a\nB"


def test_a_range_of_null_is_no_range(talk):
    talk.open(text="one")
    talk.change("u:a", 2, {"range": None, "text": "two"}, between((0, 3), (0, 3), "!"))
    assert talk.text() == "two!"
    assert talk.notified("window/logMessage") == []


def test_parameters_that_would_be_empty_may_be_missing():
    talk = Conversation()
    talk.ask("initialize", {"capabilities": {"workspace": {"didChangeConfiguration": {"dynamicRegistration": True}}}})
    talk.send({"jsonrpc": "2.0", "method": "initialized"})
    assert len(talk.notified("client/registerCapability")) == 1


@pytest.mark.parametrize(("method", "params", "wrong"), [
    ("textDocument/didClose", None, "params.textDocument is missing"),
    ("textDocument/didClose", [], "params must be an object, not a list"),
    ("textDocument/didClose", {"textDocument": "u:a"}, "params.textDocument must be an object, not a string"),
    ("textDocument/didSave", {"textDocument": {"uri": "u:a"}, "text": 5}, "params.text must be a string, not 5"),
    ("$/setTrace", {"value": "loud"}, "params.value must be one of off, messages, verbose, not another"),
    ("workspace/didChangeWatchedFiles", {"changes": "x"}, "params.changes must be a list, not a string"),
    ("textDocument/didChange", {"textDocument": {"uri": "u:b", "version": 2}, "contentChanges": [7] * 5},
     "params.contentChanges[0] must be an object, not 7; params.contentChanges[1] must be an object, not 7; "
     "params.contentChanges[2] must be an object, not 7 (and 2 more)"),
])
def test_what_is_wrong_is_said_in_the_names_of_the_wire(talk, method, params, wrong):
    talk.notify(method, params)
    assert said(talk) == (f"The parameters of {method} do not fit the protocol: {wrong}. The message was left out; "
                          "the editor or its plugin has to be mended.")


def test_trigger_kinds_are_those_of_the_protocol(talk):
    talk.open()
    for kind, word in ((9, "9"), (True, "true"), ("1", "another"), ([], "a list")):
        number = talk.complete(trigger=kind)
        talk.loop.run()
        [answer] = talk.answers(number)
        assert f"params.context.triggerKind must be one of 1, 2, not {word}." in answer["error"]["message"]


def test_the_users_text_stands_in_no_sentence(talk, caplog):
    talk.open(text="kept")
    talk.notify("textDocument/didChange", {"textDocument": {"uri": "u:a", "version": "secret"},
                                           "contentChanges": ["secret", {"text": ["secret"]}, {"secret": "secret"}]})
    assert "secret" not in said(talk)
    assert "secret" not in caplog.text
