"""Completion requests: ranges, the suggest list's entry, the fallback, reasons, feedback."""

from __future__ import annotations

from typing import Any

import pytest

from kvlsp.config import Settings
from kvlsp.messages import Complete, Completed, Item, Reason, Selected
from kvlsp.server.answers import CANCELLED
from tests.support.conversation import Conversation


def conversation(*texts: str, hold: bool = False, encoding: str = "utf-16", **start: Any) -> Conversation:
    talk = Conversation(texts or ("pass",), hold)
    talk.start(encoding, **start)
    return talk


def items(talk: Conversation, *arguments: Any, **context: Any) -> list[dict[str, Any]]:
    number = talk.complete(*arguments, **context)
    talk.loop.run()
    [answer] = talk.answers(number)
    return answer["result"]


def asked(talk: Conversation) -> Complete:
    [request] = [m for m in talk.engine.messages if isinstance(m, Complete)]
    return request


def place(line: int, start: int, end: int) -> dict[str, Any]:
    return {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}


def test_an_item_has_text_range_and_a_command_that_tells_of_its_acceptance():
    talk = conversation("return 1")
    talk.open(text="def f():\n    \n")
    [item] = items(talk, "u:a", 1, 4)
    assert item == {
        "insertText": "return 1",
        "range": place(1, 4, 4),
        "command": {"title": "Accepted", "command": "kvlsp.accepted", "arguments": ["u:a", 1]},
    }


@pytest.mark.parametrize(
    ("encoding", "column", "offset"), [("utf-8", 9, 3), ("utf-16", 5, 3), ("utf-32", 3, 3)]
)
def test_positions_in_each_encoding(encoding, column, offset):
    talk = conversation(encoding=encoding)
    talk.open(text="😀😀é = ")
    column = {"utf-8": 10, "utf-16": 5, "utf-32": 3}[encoding]
    [item] = items(talk, "u:a", 0, column)
    assert asked(talk).offset == offset
    assert item["range"] == place(0, column, column)


def test_form_feeds_and_line_separators_do_not_move_the_range():
    talk = conversation()
    talk.open(text="a\x0cb\u2028c\r\nd")
    [item] = items(talk, "u:a", 1, 1)
    assert (asked(talk).offset, item["range"]) == (8, place(1, 1, 1))


def test_the_trigger_is_passed_on():
    for kind, name in ((0, "invoked"), (1, "invoked"), (2, "automatic")):
        talk = conversation()
        talk.open(text="x")
        items(talk, "u:a", 0, 1, kind)
        assert asked(talk).trigger == name


@pytest.mark.parametrize("context", [..., None, {}, {"triggerKind": None}, {"triggerKind": 1.0}, {"triggerKind": 0}])
@pytest.mark.parametrize("method", ["textDocument/inlineCompletion", "textDocument/completion"])
def test_who_does_not_say_how_it_came_to_ask_asks_by_hand(method, context):
    talk = conversation()
    talk.open(text="x")
    params = {"textDocument": {"uri": "u:a"}, "position": {"line": 0, "character": 1}}
    assert talk.ask(method, params if context is ... else {**params, "context": context})
    assert asked(talk).trigger == "invoked"


@pytest.mark.parametrize("method", ["textDocument/inlineCompletion", "textDocument/completion"])
def test_a_kind_that_nobody_has_heard_of_came_by_itself(method):
    talk = conversation()
    talk.open(text="x")
    params = {"textDocument": {"uri": "u:a"}, "position": {"line": 0, "character": 1}, "context": {"triggerKind": 9}}
    assert talk.ask(method, params)
    assert asked(talk).trigger == "automatic"


def test_the_snapshot_is_the_one_at_receipt():
    talk = conversation(hold=True)
    talk.open(text="abc")
    talk.complete("u:a", 0, 3)
    talk.change("u:a", 2, {"text": ""})
    assert (asked(talk).version, asked(talk).offset) == (1, 3)


def test_an_answer_for_an_older_text_is_not_shown():
    talk = conversation(hold=True)
    talk.open(text="abc")
    number = talk.complete("u:a", 0, 3)
    talk.change("u:a", 2, {"text": "abcd"})
    talk.engine.release()
    talk.loop.run()
    assert talk.answers(number)[0]["error"]["code"] == CANCELLED
    assert talk.server.tickets.empty == {"superseded": 1}


def test_a_newer_request_supersedes_the_older_one_of_the_same_document_only():
    talk = conversation(hold=True)
    talk.open("u:a", "a")
    talk.open("u:b", "b")
    first, other, second = talk.complete("u:a"), talk.complete("u:b"), talk.complete("u:a")
    assert talk.answers(first)[0]["error"]["code"] == CANCELLED
    talk.engine.release()
    talk.loop.run()
    assert [len(talk.answers(number)) for number in (first, other, second)] == [1, 1, 1]
    assert talk.answers(other)[0]["result"]
    assert talk.answers(second)[0]["result"]


def test_a_cancelled_request_is_answered_at_once_and_once():
    talk = conversation(hold=True)
    talk.open(text="a")
    number = talk.complete()
    talk.notify("$/cancelRequest", {"id": number})
    assert talk.answers(number)[0]["error"]["code"] == CANCELLED
    assert asked(talk).cancel.cancelled
    talk.engine.release()
    talk.loop.run()
    assert len(talk.answers(number)) == 1
    talk.notify("$/cancelRequest", {"id": number})
    talk.notify("$/cancelRequest", {"id": "nobody"})
    talk.notify("$/cancelRequest", None)


def test_a_closed_document_answers_its_requests():
    talk = conversation(hold=True)
    talk.open(text="a")
    number = talk.complete()
    talk.notify("textDocument/didClose", {"textDocument": {"uri": "u:a"}})
    assert talk.answers(number)[0]["error"]["code"] == CANCELLED


def test_each_empty_answer_has_a_reason():
    talk = conversation(options={"disabledLanguages": ["lua"]})
    talk.open("u:lua", "x", language="lua")
    assert items(talk, "u:lua") == []
    assert items(talk, "u:nowhere") == []
    talk.engine.texts = ()
    talk.open("u:a", "x")
    assert items(talk, "u:a") == []
    counts = talk.ask("kvlsp/statistics", {})["server"]
    assert counts["empty"] == {"disabled": 1, "nothing_to_say": 1, "unknown_document": 1}
    assert talk.notified("kvlsp/status")[-1]["last"]["reason"] == "nothing_to_say"


def test_the_status_tells_what_the_last_request_brought():
    talk = conversation()
    talk.open(text="x")
    items(talk, "u:a")
    assert talk.notified("kvlsp/status")[-1]["last"] == {
        "items": 1,
        "reason": None,
        "report": {"latency_ms": 0.0, "kept": 7},
    }


# --- the suggest list's entry ---


def test_items_go_on_from_the_highlighted_entry():
    talk = conversation("(x)")
    talk.open(text="foo.ba")
    selected = {"range": place(0, 4, 6), "text": "bar"}
    [item] = items(talk, "u:a", 0, 6, selectedCompletionInfo=selected)
    assert asked(talk).selected == Selected(4, 6, "bar")
    assert (item["insertText"], item["range"]) == ("bar(x)", place(0, 4, 6))


@pytest.mark.parametrize(
    ("item", "fits"),
    [
        (Item(4, 6, "bar(x)", 1), True),
        (Item(4, 7, "bar(x)", 1), True),
        (Item(0, 6, "foo.bar(x)", 1), True),
        (Item(4, 6, "bat(x)", 1), False),
        (Item(6, 6, "r(x)", 1), False),
        (Item(4, 5, "bar(x)", 1), False),
        (Item(0, 6, "fox.bar", 1), False),
    ],
)
def test_items_that_do_not_are_left_out(item, fits):
    talk = conversation(hold=True)
    talk.open(text="foo.ba)")
    number = talk.complete("u:a", 0, 6, 2, selectedCompletionInfo={"range": place(0, 4, 6), "text": "bar"})
    talk.server.on_event(Completed(asked(talk).ticket, (item,), None, {}))
    talk.loop.run()
    assert len(talk.answers(number)[0]["result"]) == fits
    assert talk.server.tickets.empty == ({} if fits else {"wrong_place": 1})


# --- the fallback ---


def listed(talk: Conversation, line: int, character: int, kind: int | None = 3) -> list[dict[str, Any]]:
    context = {} if kind is None else {"context": {"triggerKind": kind}}
    result = talk.ask(
        "textDocument/completion",
        {"textDocument": {"uri": "u:a"}, "position": {"line": line, "character": character}, **context},
    )
    assert result["isIncomplete"]
    return result["items"]


def plain_client(*texts: str, hold: bool = False, **item: Any) -> Conversation:
    """A client that knows the suggest list and nothing of inline completion."""
    return conversation(*texts, hold=hold, textDocument={"completion": {"completionItem": item}})


def test_the_fallback_is_one_entry_that_survives_the_editors_filter():
    talk = conversation("r(x)\n", "second", textDocument={})
    talk.open(text="foo.ba")
    [entry] = listed(talk, 0, 6)
    assert entry["detail"] == "kvlsp"
    assert entry["label"] == "bar(x)"
    assert entry["filterText"].startswith("ba")
    assert entry["textEdit"] == {"range": place(0, 4, 6), "newText": "bar(x)\n"}
    assert entry["sortText"] < "!"


@pytest.mark.parametrize("text", ["\n    return x", "\r\n\treturn x", "  \n    pass", "\n", " "])
def test_an_entry_never_begins_with_a_line_break(text):
    """Many editors take Enter after a colon as the acceptance of an entry whose label hides the break."""
    talk = plain_client(text)
    talk.open(text="if x:")
    assert listed(talk, 0, 5, 2) == []
    assert talk.server.tickets.empty == {"wrong_place": 1}


def test_the_entry_behind_one_that_cannot_be_shown_is_shown():
    talk = plain_client("\n    pass", " return")
    talk.open(text="if x:")
    assert [entry["label"] for entry in listed(talk, 0, 5, 2)] == ["return"]


@pytest.mark.parametrize(
    ("features", "text", "shown"),
    [
        ({}, "x", {"detail": "kvlsp"}),
        ({"labelDetailsSupport": True}, "x", {"labelDetails": {"description": "kvlsp"}}),
        ({}, "x:\n  y", {"detail": "kvlsp", "documentation": "x:\n  y"}),
        (
            {"documentationFormat": ["plaintext", "markdown"]},
            "x:\n  ```",
            {"detail": "kvlsp", "documentation": {"kind": "markdown", "value": "````python\nx:\n  ```\n````"}},
        ),
        ({"documentationFormat": "markdown", "labelDetailsSupport": 1}, "x", {"detail": "kvlsp"}),
        (7, "x", {"detail": "kvlsp"}),
    ],
)
def test_an_entry_is_known_as_ours_and_explained_where_its_label_is_not_all(features, text, shown):
    talk = conversation(text, textDocument={"completion": {"completionItem": features}})
    talk.open(text="")
    [entry] = listed(talk, 0, 0)
    assert {key: entry[key] for key in ("detail", "labelDetails", "documentation") if key in entry} == shown


def test_a_list_that_is_asked_for_by_hand_has_every_candidate():
    talk = plain_client("one", "two", "three")
    talk.open(text="x = ")
    entries = listed(talk, 0, 4, 1)
    assert [entry["label"] for entry in entries] == ["one", "two", "three"]
    assert [entry["sortText"] for entry in entries] == sorted(entry["sortText"] for entry in entries)
    assert asked(talk).trigger == "invoked"


@pytest.mark.parametrize(
    ("kind", "typed", "later", "trigger"),
    [
        (1, "f", 0.1, "automatic"),
        (None, "f", 0.1, "automatic"),
        (1, "f", 2.0, "invoked"),
        (1, ".", 0.1, "invoked"),
        (2, ".", 0.1, "automatic"),
        (3, "f", 2.0, "automatic"),
        (0, "f", 2.0, "invoked"),
        (None, ".", 0.1, "invoked"),
    ],
)
def test_who_asks_for_the_list(kind, typed, later, trigger):
    """Editors ask with the kind *invoked* while an identifier is typed, too."""
    talk = plain_client()
    talk.open(text="x = ")
    talk.change("u:a", 2, {"range": place(0, 4, 4), "text": typed})
    talk.loop.advance(later)
    listed(talk, 0, 5, kind)
    assert asked(talk).trigger == trigger


def test_the_second_question_after_a_letter_is_a_persons():
    talk = plain_client()
    talk.open(text="")
    talk.change("u:a", 2, {"range": place(0, 0, 0), "text": "f"})
    listed(talk, 0, 1, 1)
    listed(talk, 0, 1, 1)
    assert [m.trigger for m in talk.engine.messages if isinstance(m, Complete)] == ["automatic", "invoked"]


@pytest.mark.parametrize(("options", "again"), [({}, False), ({"asksAgain": True}, True), ({"asksAgain": 1}, False),
                                                ({"asksAgain": True, "status": False}, False),
                                                ({"kvlsp": {"asksAgain": True}}, True),
                                                ({"kvlsp.asksAgain": True}, True)])
def test_who_asks_again_says_so(options, again):
    talk = conversation("pass", hold=True, options={"completionFallback": True, **options})
    talk.open(text="    ")
    talk.complete("u:a", 0, 4)
    assert asked(talk).asks_again is again
    at = {"textDocument": {"uri": "u:a"}, "position": {"line": 0, "character": 4}}
    talk.request("textDocument/completion", at)
    assert not talk.engine.messages[-1].asks_again  # a list is not added to


@pytest.mark.parametrize("status", [True, False])
def test_who_hears_that_it_was_late_may_ask_for_the_rest(status):
    talk = conversation("pass", hold=True, options={"completionFallback": True, "status": status})
    talk.open(text="    ")
    talk.complete("u:a", 0, 4)
    assert asked(talk).asks_late is status
    at = {"textDocument": {"uri": "u:a"}, "position": {"line": 0, "character": 4}}
    talk.request("textDocument/completion", at)
    assert not talk.engine.messages[-1].asks_late


def test_ghost_text_and_the_fallback_for_one_place_are_both_answered():
    talk = conversation("pass", hold=True, options={"completionFallback": True})
    talk.open(text="    ")
    at = {"textDocument": {"uri": "u:a"}, "position": {"line": 0, "character": 4}}
    entry, ghost = talk.request("textDocument/completion", at), talk.complete("u:a", 0, 4)
    again = talk.request("textDocument/completion", at)
    assert talk.answers(entry)[0]["result"] == NO_LIST, "a newer request of its own kind came"
    talk.engine.release()
    talk.loop.run()
    assert [item["insertText"] for item in talk.answers(ghost)[0]["result"]] == ["pass"]
    assert [item["label"] for item in talk.answers(again)[0]["result"]["items"]] == ["pass"]


NO_LIST = {"isIncomplete": True, "items": []}


@pytest.mark.parametrize("how", ["edit", "close", "newer", "edit of the engine's"])
def test_an_overtaken_list_is_empty_and_no_error(how):
    talk = plain_client(hold=True)
    talk.open(text="")
    at = {"textDocument": {"uri": "u:a"}, "position": {"line": 0, "character": 0}}
    number = talk.request("textDocument/completion", at)
    if how == "edit":
        talk.change("u:a", 2, {"text": "x"})
        talk.engine.release()
    elif how == "close":
        talk.notify("textDocument/didClose", {"textDocument": {"uri": "u:a"}})
    elif how == "newer":
        talk.request("textDocument/completion", at)
    else:
        talk.server.on_event(Completed(asked(talk).ticket, (), Reason.SUPERSEDED, {}))
    talk.loop.run()
    assert talk.answers(number) == [{"jsonrpc": "2.0", "id": number, "result": NO_LIST}]


def test_a_list_that_the_client_cancels_is_refused():
    talk = plain_client(hold=True)
    talk.open(text="")
    at = {"textDocument": {"uri": "u:a"}, "position": {"line": 0, "character": 0}}
    number = talk.request("textDocument/completion", at)
    talk.notify("$/cancelRequest", {"id": number})
    assert talk.answers(number)[0]["error"]["code"] == CANCELLED


def test_the_fallbacks_label_is_one_line():
    talk = conversation("if x:\n    y()", textDocument={})
    talk.open(text="    ")
    [entry] = listed(talk, 0, 4)
    assert entry["label"] == "if x: …"
    assert entry["textEdit"]["newText"] == "if x:\n    y()"


def test_what_a_suggest_list_cannot_show_is_left_out():
    talk = conversation(hold=True, textDocument={})
    talk.open(text="one\ntwo")
    number = talk.request(
        "textDocument/completion", {"textDocument": {"uri": "u:a"}, "position": {"line": 0, "character": 3}}
    )
    talk.server.on_event(Completed(asked(talk).ticket, (Item(3, 7, "x", 1),), None, {}))
    talk.loop.run()
    assert talk.answers(number)[0]["result"]["items"] == []
    assert talk.server.tickets.empty == {"wrong_place": 1}


# --- feedback ---


def feedback(talk: Conversation) -> list[tuple[str, int, str, int]]:
    return [(f.uri, f.completion, f.kind, f.length) for f in talk.engine.feedback]


def test_feedback_reaches_the_engine():
    talk = conversation("😀ab")
    talk.open(text="x")
    [item] = items(talk, "u:a")
    talk.notify("textDocument/didShowCompletion", {"item": item})
    talk.notify("textDocument/didPartiallyAcceptCompletion", {"item": item, "acceptedLength": 3})
    command = item["command"]
    talk.ask("workspace/executeCommand", {"command": command["command"], "arguments": command["arguments"]})
    talk.ask("workspace/executeCommand", {"command": "kvlsp.rejected", "arguments": command["arguments"]})
    assert feedback(talk) == [
        ("u:a", 1, "shown", 0),
        ("u:a", 1, "partially_accepted", 2),
        ("u:a", 1, "accepted", 0),
        ("u:a", 1, "rejected", 0),
    ]
    assert talk.notified("window/logMessage") == []


def test_each_candidate_has_its_own_number():
    talk = conversation("one", "two")
    talk.open(text="x")
    first, second = (item["command"]["arguments"] for item in items(talk, "u:a", 0, 1, 1))
    assert first != second
    for arguments in (second, first):
        for command in ("kvlsp.rejected", "kvlsp.accepted"):
            talk.ask("workspace/executeCommand", {"command": command, "arguments": arguments})
    numbers = [second[1], second[1], first[1], first[1]]
    assert [told[1] for told in feedback(talk)] == numbers
    assert [told[2] for told in feedback(talk)] == ["rejected", "accepted"] * 2


def test_whole_numbers_may_be_written_with_a_fraction_of_zero():
    talk = conversation("abc")
    talk.open(text="x")
    [item] = items(talk, "u:a")
    uri, number = item["command"]["arguments"]
    item["command"]["arguments"] = [uri, float(number)]
    talk.ask("workspace/executeCommand", {"command": "kvlsp.accepted", "arguments": [uri, float(number)]})
    talk.notify("textDocument/didPartiallyAcceptCompletion", {"item": item, "acceptedLength": 2.0})
    assert feedback(talk) == [("u:a", 1, "accepted", 0), ("u:a", 1, "partially_accepted", 2)]


def test_commands_answer_like_the_requests_of_the_same_name():
    talk = conversation()
    talk.open(text="x")
    state = talk.ask("workspace/executeCommand", {"command": "kvlsp.documentState", "arguments": ["u:a"]})
    assert state == talk.ask("kvlsp/documentState", {"uri": "u:a"})
    assert "server" in talk.ask("workspace/executeCommand", {"command": "kvlsp.statistics"})


# --- an engine that is ill ---


def test_an_engine_that_takes_no_messages():
    talk = conversation()
    talk.open(text="x")

    def post(message: object) -> None:
        raise RuntimeError

    talk.engine.post = post
    assert "restart" in talk.refused("kvlsp/statistics", {})["message"]
    number = talk.complete()
    assert "error" in talk.answers(number)[0]
    assert talk.server.tickets.empty == {"model_error": 1}


def test_an_engine_that_never_answers():
    talk = Conversation(hold=True, settings=Settings(deadline_ms=1000))
    talk.start()
    talk.open(text="x")
    number = talk.complete()
    talk.loop.advance(10.9)
    assert talk.answers(number) == []
    talk.loop.advance(0.2)
    assert "did not answer" in talk.answers(number)[0]["error"]["message"]
    talk.server.on_event(Completed(asked(talk).ticket, (), Reason.DEADLINE, {}))
    talk.loop.run()
    assert len(talk.answers(number)) == 1


def test_numbers_of_other_kinds_in_a_report_are_written_as_json():
    import numpy as np

    talk = conversation(hold=True)
    talk.open(text="x")
    talk.complete()
    report = {
        "a": np.int64(3),
        "b": np.float32(0.5),
        "c": float("nan"),
        "d": (1, Reason.DEADLINE),
        "e": float("inf"),
    }
    talk.server.on_event(Completed(asked(talk).ticket, (), Reason.DEADLINE, report))
    talk.loop.run()
    assert talk.notified("kvlsp/status")[-1]["last"]["report"] == {
        "a": 3,
        "b": 0.5,
        "c": None,
        "d": [1, "deadline"],
        "e": None,
    }


@pytest.mark.parametrize(("client", "text"), [
    ("Visual Studio Code", "a(\r\n    b)"), ("Neovim", "a(\n    b)"), ("coc.nvim", "a(\n    b)"),
    ("GNU Emacs", "a(\n    b)"), ("", "a(\r\n    b)"),
])
def test_editors_that_keep_lines_apart_from_their_ends_get_line_feeds(client, text):
    talk = Conversation(("a(\r\n    b)",), False)
    talk.start("utf-16", client=client)
    talk.open(text="x\r\n")
    assert [item["insertText"] for item in items(talk, "u:a", 0, 1)] == [text]
