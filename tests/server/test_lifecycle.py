"""The beginning and the end of a conversation, settings, and what comes at the wrong time."""

from __future__ import annotations

import pytest

from kvlsp.config import Settings
from kvlsp.messages import Configure, PrefillProgress, StatusChanged
from kvlsp.server.answers import (
    CANCELLED,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    NOT_INITIALIZED,
    PARSE_ERROR,
)
from kvlsp.server.protocol import MOST_ASKED
from tests.support.conversation import Conversation


@pytest.fixture
def talk() -> Conversation:
    talk = Conversation()
    talk.start()
    return talk


def test_the_engine_begins_once_the_editor_has_its_answer():
    """What it begins with, importing, takes turns with the answer; what is opened meanwhile is not lost."""
    talk = Conversation()
    number = talk.request("initialize", {"capabilities": {}})
    talk.notify("initialized", {})
    talk.open(text="x")
    assert len(talk.answers(number)) == 1
    assert not talk.engine.started
    assert "u:a" in talk.engine.documents
    talk.loop.run()
    assert talk.engine.started


# --- capabilities ---


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["utf-8", "utf-16"], "utf-8"),
        (["utf-32"], "utf-32"),
        (["utf-7", "utf-16"], "utf-16"),
        (["utf-7"], "utf-16"),
        ([], "utf-16"),
        (None, "utf-16"),
        ("utf-8", "utf-16"),
        ([7], "utf-16"),
    ],
)
def test_the_clients_first_encoding_that_we_know(offered, chosen):
    capabilities = Conversation().ask(
        "initialize", {"capabilities": {"general": {"positionEncodings": offered}}}
    )
    assert capabilities["capabilities"]["positionEncoding"] == chosen


@pytest.mark.parametrize(
    ("kinds", "options", "inline", "fallback"),
    [
        ({"inlineCompletion": {}}, {}, True, False),
        ({"inlineCompletion": None}, {}, True, True),
        ({"inlineCompletion": False}, {}, False, True),
        ({"inlineCompletion": []}, {}, True, False),
        ({}, {}, False, True),
        (None, {}, False, True),
        ({"inlineCompletion": {}}, {"completionFallback": True}, True, True),
        ({"inlineCompletion": {}}, {"kvlsp": {"completionFallback": True}}, True, True),
        ({}, {"completionFallback": False}, False, False),
    ],
)
def test_inline_completion_is_offered_where_it_is_named_and_the_list_to_who_lacks_it(kinds, options, inline, fallback):
    offered = Conversation().start(options=options, textDocument=kinds)
    assert ("inlineCompletionProvider" in offered, "completionProvider" in offered) == (inline, fallback)


def test_ghost_text_is_answered_whoever_asks():
    talk = Conversation()
    talk.start(textDocument={})
    talk.open(text="x")
    number = talk.complete()
    talk.loop.run()
    assert talk.answers(number)[0]["result"]


def test_no_character_wakes_the_list_before_enter_unless_it_is_wished():
    offered = Conversation().start(textDocument={})["completionProvider"]["triggerCharacters"]
    assert not set(offered) & set(": ,=\n")
    wished = Conversation().start(options={"triggerCharacters": [":", "."]}, textDocument={})
    assert wished["completionProvider"]["triggerCharacters"] == [":", "."]


def test_text_is_synchronised_by_changes_and_commands_are_announced(talk):
    capabilities = Conversation().start()
    assert capabilities["textDocumentSync"] == {
        "openClose": True,
        "change": 2,
        "save": {"includeText": False},
    }
    assert "kvlsp.accepted" in capabilities["executeCommandProvider"]["commands"]


@pytest.mark.parametrize(
    "params",
    [
        None,
        [],
        {},
        {"capabilities": None},
        {"capabilities": {"textDocument": 7}},
        {"processId": "x", "initializationOptions": [1]},
    ],
)
def test_initialize_in_any_shape(params):
    assert "capabilities" in Conversation().ask("initialize", params)


# --- settings ---


def test_settings_come_with_initialize_flat_or_nested():
    for options in ({"maxLines": 3}, {"kvlsp": {"maxLines": 3}}):
        talk = Conversation()
        talk.start(options=options)
        assert talk.engine.settings.max_lines == 3


def test_the_editors_options_win_over_the_command_line():
    talk = Conversation(settings=Settings(model="mine", max_lines=5))
    talk.start(options={"model": "theirs"})
    assert (talk.engine.settings.model, talk.engine.settings.max_lines) == ("theirs", 5)


def test_a_bad_setting_is_named_and_does_not_spoil_the_others():
    talk = Conversation()
    talk.start(options={"maxLines": "many", "maxTokens": 9, "server": {"command": ["kvlsp"]}})
    assert talk.engine.settings.max_tokens == 9
    assert talk.engine.settings.max_lines == Settings().max_lines
    [message] = talk.notified("window/showMessage")
    assert "kvlsp.maxLines" in message["message"]


def test_settings_change_live(talk):
    talk.notify("workspace/didChangeConfiguration", {"settings": {"kvlsp": {"maxLines": 2}}})
    assert talk.engine.settings.max_lines == 2
    talk.notify("workspace/didChangeConfiguration", {"settings": {"kvlsp": {"maxLines": 2}}})
    assert sum(isinstance(m, Configure) for m in talk.engine.messages) == 1


def test_vs_codes_name_for_the_trace(talk):
    talk.notify("workspace/didChangeConfiguration", {"settings": {"kvlsp": {"trace": {"server": "verbose"}}}})
    assert talk.engine.settings.trace == "verbose"
    talk.notify("workspace/didChangeConfiguration", {"settings": {"kvlsp": {"trace": "off"}}})
    assert talk.engine.settings.trace == "off"


@pytest.mark.parametrize("registers", [False, True])
def test_settings_that_are_only_pulled_hold(registers):
    talk = Conversation()
    talk.start(workspace={"configuration": True, "didChangeConfiguration": {"dynamicRegistration": registers}})
    [question] = [m for m in talk.sent if m.get("method") == "workspace/configuration"]
    talk.send({"jsonrpc": "2.0", "id": question["id"], "result": [{"enable": False}]})
    talk.open(text="x")
    number = talk.complete()
    talk.loop.run()
    assert talk.answers(number)[0]["result"] == []
    assert talk.server.tickets.empty == {"disabled": 1}


@pytest.mark.parametrize("process", [4294967295, 2**31, 2**53, 10**30, -1, 7.5, float(2**40), True, "1"])
def test_a_process_that_no_machine_can_have_is_not_watched(process):
    talk = Conversation()
    assert talk.ask("initialize", {"processId": process, "capabilities": {}})
    assert talk.loop.later == []


@pytest.mark.parametrize("key", ["confidence", "temperature", "penalty", "maxLines", "deadlineMs"])
@pytest.mark.parametrize("value", [10**400, -(10**400)])
def test_a_setting_of_400_digits_is_named_and_left_out(key, value):
    talk = Conversation()
    talk.start(options={key: value})
    assert [f"kvlsp.{key}" in told["message"] for told in talk.notified("window/showMessage")] == [True]


@pytest.mark.parametrize("number", [7.0, -3.0, 7, "7"])
def test_an_id_goes_back_as_it_came(talk, number):
    talk.send({"jsonrpc": "2.0", "id": number, "method": "kvlsp/statistics", "params": {}})
    talk.loop.run()
    [answer] = talk.answers(number)
    assert (answer["id"], type(answer["id"])) == (number, type(number))


def test_a_request_is_cancelled_by_its_number_however_that_is_written():
    talk = Conversation(hold=True)
    talk.start()
    talk.open()
    number = talk.complete()
    talk.notify("$/cancelRequest", {"id": float(number)})
    assert talk.answers(number)[0]["error"]["code"] == CANCELLED


def test_settings_are_fetched_from_a_client_that_only_says_that_they_changed():
    talk = Conversation()
    talk.start(workspace={"configuration": True, "didChangeConfiguration": {"dynamicRegistration": True}})
    [registered] = talk.notified("client/registerCapability")
    assert registered["registrations"][0]["method"] == "workspace/didChangeConfiguration"
    talk.notify("workspace/didChangeConfiguration", {"settings": None})
    question = talk.sent[-1]
    assert question["params"]["items"] == [{"section": "kvlsp"}]
    talk.send({"jsonrpc": "2.0", "id": question["id"], "result": [{"maxLines": 4}]})
    assert talk.engine.settings.max_lines == 4


def test_questions_that_a_client_never_answers_do_not_heap_up():
    """The newest are open, and of the oldest an answer that comes at last is late."""
    talk = Conversation()
    talk.start(workspace={"configuration": True})
    for _ in range(MOST_ASKED + 10):
        talk.notify("workspace/didChangeConfiguration", {"settings": None})
    questions = [m["id"] for m in talk.sent if m.get("method") == "workspace/configuration"]
    talk.send({"jsonrpc": "2.0", "id": questions[0], "result": [{"maxLines": 4}]})
    assert talk.engine.settings.max_lines == Settings().max_lines
    talk.send({"jsonrpc": "2.0", "id": questions[-1], "result": [{"maxLines": 4}]})
    assert talk.engine.settings.max_lines == 4


# --- order of the life cycle ---


def test_requests_before_initialize_are_refused_and_notifications_ignored():
    talk = Conversation()
    assert talk.refused("shutdown")["code"] == NOT_INITIALIZED
    talk.open()
    assert len(talk.server.documents) == 0
    talk.start()


def test_initialize_twice_is_refused(talk):
    assert talk.refused("initialize", {})["code"] == INVALID_REQUEST


def test_shutdown_answers_what_waits_and_refuses_what_follows():
    talk = Conversation(hold=True)
    talk.start()
    talk.open()
    waiting = talk.complete()
    assert talk.ask("shutdown") is None
    assert talk.answers(waiting)[0]["error"]["code"] == CANCELLED
    assert talk.refused("kvlsp/statistics")["code"] == INVALID_REQUEST
    talk.notify("exit")
    assert talk.server.exit_code == 0


def test_exit_without_shutdown_is_a_failure(talk):
    talk.notify("exit")
    assert talk.server.exit_code == 1


def test_exit_before_initialize_is_a_failure():
    talk = Conversation()
    talk.notify("exit")
    assert talk.server.exit_code == 1


# --- malformed ---


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nonsense", b"\xff\xfe", b'{"jsonrpc": "2.0", "id": 1', b"[" * 100_000, b"1" * 10_000],
)
def test_a_body_that_is_no_message_is_an_error_answer_and_no_more(talk, body):
    talk.body(body)
    [answer] = talk.answers(None)
    assert answer["error"]["code"] in (PARSE_ERROR, INVALID_REQUEST)
    assert talk.ask("kvlsp/statistics", {})


@pytest.mark.parametrize(
    "message",
    [
        7,
        [],
        {},
        "x",
        None,
        {"jsonrpc": "1.0", "method": "shutdown", "id": 3},
        {"jsonrpc": "2.0"},
        {"jsonrpc": "2.0", "id": 3},
        {"jsonrpc": "2.0", "id": 3, "method": 7},
        {"jsonrpc": "2.0", "method": None},
        {"jsonrpc": "2.0", "id": None, "method": "shutdown"},
        {"jsonrpc": "2.0", "id": {}, "method": "shutdown"},
        {"jsonrpc": "2.0", "id": True, "method": "shutdown"},
        {"jsonrpc": "2.0", "id": 1.5, "method": "shutdown"},
        [{"jsonrpc": "2.0", "id": 3, "method": "shutdown"}],
    ],
)
def test_json_that_is_no_message_is_an_invalid_request(talk, message):
    before = len(talk.sent)
    talk.send(message)
    [answer] = talk.sent[before:]
    assert answer["error"]["code"] == INVALID_REQUEST
    assert talk.ask("kvlsp/statistics", {})


def test_unknown_methods(talk):
    assert talk.refused("textDocument/hover", {})["code"] == METHOD_NOT_FOUND
    before = len(talk.sent)
    talk.notify("$/whatever", {"a": 1})
    talk.notify("nobody/knows")
    assert talk.sent[before:] == []


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("textDocument/inlineCompletion", None),
        ("textDocument/inlineCompletion", []),
        (
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": "u:a"},
                "position": {"line": -1, "character": 0},
                "context": {"triggerKind": 1},
            },
        ),
        (
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": "u:a"},
                "position": {"line": 0, "character": 0},
                "context": {"triggerKind": -1},
            },
        ),
        ("textDocument/completion", {"position": {"line": 0}}),
        ("kvlsp/documentState", {}),
        ("kvlsp/documentState", 7),
        ("workspace/executeCommand", {"command": "rm"}),
        ("workspace/executeCommand", {"command": "kvlsp.accepted", "arguments": ["u:a"]}),
        ("workspace/executeCommand", {"command": "kvlsp.accepted", "arguments": [1, "u:a"]}),
        ("workspace/executeCommand", {}),
    ],
)
def test_parameters_that_do_not_fit_are_refused(talk, method, params):
    error = talk.refused(method, params)
    assert error["code"] == INVALID_PARAMS
    assert error["message"].endswith(".")


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("textDocument/didOpen", None),
        ("textDocument/didChange", {"contentChanges": [{"text": "x"}]}),
        ("textDocument/didClose", 7),
        ("textDocument/didShowCompletion", {"item": {}}),
        ("$/setTrace", {}),
        ("textDocument/didPartiallyAcceptCompletion", {"item": {}, "acceptedLength": 1}),
    ],
)
def test_notifications_that_do_not_fit_are_told_to_the_log(talk, method, params):
    talk.open(text="kept")
    talk.notify(method, params)
    assert len(talk.notified("window/logMessage")) == 1
    assert talk.text() == "kept"


def test_an_id_in_use_is_refused(talk):
    talk.engine.hold = True
    talk.open()
    number = talk.complete()
    talk.send({"jsonrpc": "2.0", "id": number, "method": "kvlsp/statistics", "params": {}})
    assert talk.answers(number)[0]["error"]["code"] == INVALID_REQUEST


def test_an_id_may_be_used_again_once_it_is_answered(talk):
    for _ in range(2):
        talk.send({"jsonrpc": "2.0", "id": "same", "method": "kvlsp/statistics", "params": {}})
        talk.loop.run()
    assert ["result" in answer for answer in talk.answers("same")] == [True, True]


def test_a_wrong_answer_of_the_client_is_survived():
    talk = Conversation()
    talk.start(workspace={"configuration": True})
    question = talk.sent[-1]
    talk.send({"jsonrpc": "2.0", "id": question["id"], "result": 7})
    talk.send({"jsonrpc": "2.0", "id": "nobody", "result": 7})
    talk.send({"jsonrpc": "2.0", "id": ["x"], "error": {}})
    assert talk.ask("kvlsp/statistics", {})


# --- status and progress ---


def test_status_is_told(talk):
    assert [status["kind"] for status in talk.notified("kvlsp/status")] == ["loading", "ready"]
    assert talk.notified("didChangeStatus") == []


def test_an_error_of_the_engine_is_logged_once_while_it_lasts(talk, caplog):
    def happens(*events: StatusChanged) -> list[str]:
        caplog.clear()
        for event in events:
            talk.server.on_event(event)
            talk.loop.run()
        return [record.getMessage() for record in caplog.records]

    busy, error = StatusChanged("computing", "completing"), StatusChanged("error", "259 tokens do not fit.")
    more, other = StatusChanged("error", "260 tokens do not fit."), StatusChanged("error", "no model")
    assert happens(error, busy, error, more, other, busy, other, error) == [error.message, other.message]
    assert happens(StatusChanged("ready", "ready"), more, error) == [more.message]


def shown(talk: Conversation) -> list[tuple[int, str]]:
    return [(told["type"], told["message"]) for told in talk.notified("window/showMessage")]


@pytest.mark.parametrize(
    ("kinds", "options", "name", "told"),
    [
        ({"inlineCompletion": {}}, {}, None, True),
        ({"inlineCompletion": {}}, {}, "coc.nvim", False),
        ({"inlineCompletion": {}}, {"status": True}, "Neovim", True),
        ({"inlineCompletion": None}, {}, None, False),
        ({}, {}, None, False),
        ({}, {"status": True}, None, True),
        ({}, {"kvlsp": {"status": True}}, "emacs", True),
        ({"inlineCompletion": {}}, {"status": False}, None, False),
    ],
)
def test_only_who_wants_the_status_gets_it(kinds, options, name, told):
    talk = Conversation()
    talk.start(options=options, client=name, textDocument=kinds)
    talk.server.on_event(StatusChanged("computing", "completing"))
    talk.loop.run()
    assert bool(talk.notified("kvlsp/status")) == told
    assert {m["method"] for m in talk.sent if "method" in m} <= {"kvlsp/status"}


def test_an_error_of_the_engine_is_shown_to_everybody_once(talk):
    def happen(*events: StatusChanged) -> None:
        for event in events:
            talk.server.on_event(event)
            talk.loop.run()

    error = StatusChanged("error", "There is no model at /nowhere.")
    ready = StatusChanged("ready", "ready")
    happen(error, StatusChanged("computing", "completing"), error, ready, error)
    assert shown(talk) == [(1, "kvlsp: There is no model at /nowhere.")]
    loading = StatusChanged("loading", "loading the model", 0.0)
    happen(loading, error, loading, error)
    assert len(shown(talk)) == 1, "every try says the same"
    happen(loading, ready, error)
    assert len(shown(talk)) == 2, "between them all was well"
    talk.notify("workspace/didChangeConfiguration", {"settings": {"kvlsp": {"maxLines": 3}}})
    happen(loading, error)
    assert len(shown(talk)) == 3, "somebody has changed something to mend it"


def test_status_in_copilots_words_for_who_asks():
    talk = Conversation()
    talk.start(options={"didChangeStatus": True})
    assert [(status["busy"], status["kind"]) for status in talk.notified("didChangeStatus")] == [
        (True, "Normal"),
        (False, "Normal"),
    ]


def progress(talk: Conversation) -> list[str]:
    return [params["value"]["kind"] for params in talk.notified("$/progress")]


def agree(talk: Conversation, **answer: object) -> None:
    [question] = [m for m in talk.sent if m.get("method") == "window/workDoneProgress/create"]
    talk.send({"jsonrpc": "2.0", "id": question["id"], **answer})


def test_long_work_is_shown_once_the_client_agrees():
    talk = Conversation()
    talk.start(window={"workDoneProgress": True})
    talk.server.on_event(StatusChanged("loading", "reading weights", 10.0))
    talk.loop.run()
    talk.loop.advance(1)
    assert progress(talk) == []
    agree(talk, result=None)
    assert progress(talk) == ["begin"]
    talk.server.on_event(StatusChanged("loading", "reading weights", 60.0))
    talk.server.on_event(StatusChanged("ready", "ready"))
    talk.loop.run()
    assert progress(talk) == ["begin", "report", "end"]


def test_progress_is_told_in_words_that_can_be_read():
    talk = Conversation()
    talk.start(window={"workDoneProgress": True})
    steps = (("loading the model", 0.0), ("loading weights (13 MB)", 1.0), ("weights is loaded", 100.0))
    for text, percent in steps:
        talk.server.on_event(StatusChanged("loading", text, percent))
        talk.loop.run()
        if text == "loading the model":
            talk.loop.advance(1)
            agree(talk, result=None)
    said = [params["value"] for params in talk.notified("$/progress")]
    assert [f"{value.get('title', '')} {value['message']}".strip() for value in said] == [
        "kvlsp loading the model", "loading weights (13 MB)"]


def test_a_prefill_that_a_keystroke_made_needless_is_not_shown_for_ever():
    talk = Conversation()
    talk.start(window={"workDoneProgress": True})
    for done in (512, 1024):
        talk.server.on_event(PrefillProgress("u:a", done, 4096))
        talk.loop.run()
        talk.loop.advance(1)
    agree(talk, result=None)
    talk.loop.advance(1.5)
    assert progress(talk) == ["begin"]
    talk.loop.advance(1)
    assert progress(talk) == ["begin", "end"]


def test_short_work_is_not_shown():
    talk = Conversation()
    talk.start(window={"workDoneProgress": True})
    talk.loop.advance(10)
    assert talk.notified("window/workDoneProgress/create") == []


def test_a_client_that_refuses_the_token_or_knows_no_progress_sees_none():
    talk = Conversation()
    talk.start(window={"workDoneProgress": True})
    talk.server.on_event(PrefillProgress("u:a", 512, 4096))
    talk.loop.run()
    talk.loop.advance(1)
    agree(talk, error={"code": -1, "message": "no"})
    talk.server.on_event(PrefillProgress("u:a", 4096, 4096))
    talk.loop.run()
    assert progress(talk) == []

    silent = Conversation()
    silent.start()
    silent.server.on_event(PrefillProgress("u:a", 512, 4096))
    silent.loop.run()
    silent.loop.advance(1)
    assert silent.notified("window/workDoneProgress/create") == []
