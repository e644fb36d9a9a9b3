"""Messages that are JSON-RPC but not the protocol: refused with a sentence, never half understood."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kvlsp.server.answers import CANCELLED, INVALID_PARAMS
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


@pytest.mark.parametrize(("key", "value"), [("uri", None), ("uri", 5), ("languageId", 5), ("languageId", ["python"])])
def test_names_of_a_document_are_strings(talk, key, value):
    talk.notify("textDocument/didOpen", {"textDocument": {
        "uri": "u:a", "languageId": "python", "version": 1, "text": "x", key: value}})
    assert f"params.textDocument.{key} must be " in said(talk)
    assert len(talk.server.documents) == 0


@pytest.mark.parametrize(("line", "kind"), [
    (1.5, FRACTION), ("1", "a string"), (True, "true"), (None, "null"), (-1, "-1"),
    (-(1 << 31) - 1, "one of so many digits"), (float("nan"), FRACTION), (float("inf"), FRACTION),
])
def test_positions_are_integers_that_can_be(talk, line, kind):
    talk.open(text="a\nb")
    number = talk.complete(line=line)
    talk.loop.run()
    [answer] = talk.answers(number)
    assert answer["error"]["code"] == INVALID_PARAMS
    wanted = f"params.position.line must be an integer from 0 to {2**53 - 1}, not {kind}."
    assert wanted in answer["error"]["message"]
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


def test_an_empty_object_may_stand_for_an_empty_list(talk):
    """Encoders of Lua and PHP cannot tell."""
    talk.open(text="a")
    talk.change("u:a", 2, between((0, 0), (0, 1), "b"))
    talk.notify("textDocument/didChange", {"textDocument": {"uri": "u:a", "version": 3}, "contentChanges": {}})
    assert talk.text() == "b"
    added = [{"uri": "file:///a", "name": "a"}]
    talk.notify("workspace/didChangeWorkspaceFolders", {"event": {"added": added, "removed": {}}})
    assert talk.server.folders == ["file:///a"]
    talk.notify("workspace/didChangeWorkspaceFolders", {"event": {"removed": added}})
    assert talk.server.folders == []
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
    ("$/setTrace", {"value": "loud"}, "params.value must be one of compact, messages, off, verbose, not another"),
    ("workspace/didChangeWatchedFiles", {"changes": "x"}, "params.changes must be a list, not a string"),
    ("textDocument/didChange", {"textDocument": {"uri": "u:b", "version": 2}, "contentChanges": [7] * 5},
     "params.contentChanges[0] must be an object, not 7; params.contentChanges[1] must be an object, not 7; "
     "params.contentChanges[2] must be an object, not 7 (and 2 more)"),
])
def test_what_is_wrong_is_said_in_the_names_of_the_wire(talk, method, params, wrong):
    talk.notify(method, params)
    assert said(talk) == (f"The parameters of {method} do not fit the protocol: {wrong}. The message was left out; "
                          "this has to be mended in the editor or its plugin.")


def test_trigger_kinds_are_numbers(talk):
    talk.open()
    for kind, word in ((-1, "-1"), (True, "true"), ("1", "a string"), ([], "a list")):
        number = talk.complete(trigger=kind)
        talk.loop.run()
        [answer] = talk.answers(number)
        said = answer["error"]["message"]
        assert f"params.context.triggerKind must be an integer from 0 to 9007199254740991, not {word}." in said


def test_the_users_text_stands_in_no_sentence(talk, caplog):
    talk.open(text="kept")
    talk.notify("textDocument/didChange", {"textDocument": {"uri": "u:a", "version": "secret"},
                                           "contentChanges": ["secret", {"text": ["secret"]}, {"secret": "secret"}]})
    assert "secret" not in said(talk)
    assert "secret" not in caplog.text


# --- a text that is not known any more ---


def problems(talk: Conversation) -> list[str]:
    return talk.notified("kvlsp/status")[-1]["problems"]


UNFIT = [
    {"textDocument": {"uri": "u:a", "version": 2}, "contentChanges": [between((-1, 0), (0, 0), "x")]},
    {"textDocument": {"uri": "u:a", "version": 2}, "contentChanges": [{"range": None}]},
    {"textDocument": {"uri": "u:a", "version": 2}, "contentChanges": [{"text": "x"}, {"text": None}]},
    {"textDocument": {"uri": "u:a", "version": "two"}, "contentChanges": [{"text": "x"}]},
    {"textDocument": {"uri": "u:a", "version": 2}, "contentChanges": None},
    {"textDocument": {"uri": "u:a", "version": 2}},
    {"textDocument": {"uri": "u:a"}},
]


@pytest.mark.parametrize("params", UNFIT)
def test_a_refused_change_gives_the_text_up(talk, params):
    """What comes after it is meant for a text that we do not have."""
    talk.open(text="kept")
    talk.open("u:b", "other")
    talk.notify("textDocument/didChange", params)
    [message] = talk.notified("window/showMessage")
    assert "kvlsp has lost the text of u:a;" in message["message"]
    talk.change("u:a", 3, between((0, 0), (0, 0), "y"))
    talk.notify("textDocument/didChange", params)
    assert len(talk.notified("window/showMessage")) == 1, "it is said once"
    assert talk.notified("window/logMessage") == []
    assert talk.server.documents.snapshot("u:a") is None
    assert set(talk.engine.documents) == {"u:b"}
    assert talk.text("u:b") == "other"


def test_requests_for_a_lost_text_are_empty_and_counted_and_the_status_says_why(talk):
    talk.open(text="kept")
    talk.notify("textDocument/didChange", UNFIT[0])
    [problem] = problems(talk)
    assert "kvlsp has lost the text of u:a," in problem
    told = len(talk.notified("kvlsp/status"))
    talk.notify("textDocument/didChange", UNFIT[0])
    assert len(talk.notified("kvlsp/status")) == told
    number = talk.complete()
    talk.loop.run()
    assert [answer["result"] for answer in talk.answers(number)] == [[]]
    assert talk.server.tickets.empty == {"unknown_document": 1}
    assert talk.notified("kvlsp/status")[-1]["last"]["reason"] == "unknown_document"


def test_a_request_that_waits_for_a_lost_text_is_answered():
    talk = Conversation(hold=True)
    talk.start()
    talk.open(text="kept")
    number = talk.complete()
    talk.notify("textDocument/didChange", UNFIT[0])
    assert [answer["error"]["code"] for answer in talk.answers(number)] == [CANCELLED]


@pytest.mark.parametrize("back", [
    lambda talk: talk.open(text="new", version=9),
    lambda talk: talk.change("u:a", 9, {"text": "ne"}, between((0, 2), (0, 2), "w")),
])
def test_a_lost_text_comes_back_as_a_whole(talk, back):
    talk.open(text="kept")
    talk.notify("textDocument/didChange", UNFIT[0])
    back(talk)
    assert talk.text() == "new"
    assert problems(talk) == []
    talk.change("u:a", 10, between((0, 3), (0, 3), "!"))
    assert talk.text() == "new!"


def test_closing_a_lost_text_ends_it(talk):
    talk.open(text="kept")
    talk.notify("textDocument/didChange", UNFIT[0])
    talk.notify("textDocument/didClose", {"textDocument": {"uri": "u:a"}})
    assert problems(talk) == []
    assert talk.server.documents.lost == ()
    assert talk.notified("window/logMessage") == []


def test_opening_again_without_a_text_does_not_leave_the_old_one(talk):
    talk.open(text="old")
    talk.open(text=None)
    assert "kvlsp has lost the text of u:a;" in said(talk)
    assert talk.engine.documents == {}


def test_a_document_that_could_not_be_opened_begins_with_its_first_whole_text(talk):
    talk.open(text=None)
    talk.change("u:a", 2, between((0, 0), (0, 0), "x"))
    talk.change("u:a", 3, {"text": "whole"})
    assert talk.text() == "whole"
    assert len(talk.notified("window/showMessage")) == 1
    assert talk.engine.documents["u:a"].language == "python"


def test_a_refused_change_of_a_document_that_is_not_open_is_for_the_log(talk):
    talk.notify("textDocument/didChange", UNFIT[0])
    assert talk.notified("window/showMessage") == []
    assert "contentChanges[0].range.start.line" in said(talk)


def test_many_lost_texts_are_counted(talk):
    for number in range(5):
        talk.open(f"u:{number}", None)
    assert len(problems(talk)) == 4
    assert problems(talk)[-1] == "The same is true of 2 more."


def test_cells_of_a_refused_change_of_a_notebook_are_given_up(talk):
    def cell(uri: str) -> dict[str, Any]:
        return {"uri": uri, "languageId": "python", "version": 1, "text": "x"}

    for uri in ("nb#a", "nb#b"):
        talk.open(uri, "x")
    talk.notify("notebookDocument/didChange", {"notebookDocument": {"uri": "nb", "version": 2}, "change": {"cells": {
        "structure": {"array": {"start": 2, "deleteCount": 0}, "didOpen": [cell("nb#c"), 7, {"uri": 7}]},
        "textContent": [{"document": {"uri": "nb#a", "version": 2}, "changes": [{"text": None}]}, None]}}})
    assert "kvlsp has lost the text of nb#c, nb#a;" in said(talk)
    assert talk.server.documents.lost == ("nb#c", "nb#a")
    assert talk.text("nb#b") == "x"


@pytest.mark.parametrize("message", [
    {"id": 7, "method": "x" * 100_000}, {"method": "x" * 100_000},
    {"id": 7, "method": "workspace/executeCommand", "params": {"command": "x" * 100_000}},
])
def test_a_name_without_end_is_echoed_nowhere(message, caplog):
    talk = Conversation()
    talk.start()
    talk.send({"jsonrpc": "2.0", **message})
    assert talk.sent[-1]["error"]["message"]
    assert max(len(json.dumps(one)) for one in talk.sent[-2:]) < 3000
    assert max(len(record.getMessage()) for record in caplog.records) < 1000
