"""The settings that hold are those of the start and of the last whole configuration, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from kvlsp.config import Settings
from kvlsp.messages import Configure
from kvlsp.server.configuration import Configuration
from tests.support.conversation import Conversation

START = Settings(max_lines=5)
"""The command line."""


def configured(initial: Any = None) -> Configuration:
    configuration = Configuration(START)
    assert configuration.begin(initial) == []
    return configuration


def lines_and_tokens(configuration: Configuration) -> tuple[int, int]:
    return configuration.settings.max_lines, configuration.settings.max_tokens


@pytest.mark.parametrize("initial", [None, [], 7, {}, {"kvlsp": None}, {"kvlsp": 7}, {"maxLines": None}])
def test_nothing_to_begin_with_is_the_command_line(initial):
    assert configured(initial).settings == START


@pytest.mark.parametrize("emptied", [{}, [], {"maxLines": None, "maxTokens": None}, None, {"other": 1}])
def test_what_is_deleted_from_a_configuration_is_gone(emptied):
    configuration = configured({"maxTokens": 9})
    assert configuration.whole({"maxLines": 1}) == []
    assert lines_and_tokens(configuration) == (1, 9)
    configuration.whole(emptied)
    assert configuration.settings.max_lines == 5


def test_a_setting_given_at_the_start_and_in_the_configuration_goes_with_the_configuration():
    """Neovim's plugin, VS Code and Helix give the same settings in both places."""
    configuration = configured({"maxLines": 3, "maxTokens": 9})
    configuration.whole({"maxLines": 3})
    assert lines_and_tokens(configuration) == (3, 9)
    configuration.whole({})
    assert lines_and_tokens(configuration) == (5, 9)


@pytest.mark.parametrize("section", [
    {"maxLines": 1}, {"kvlsp": {"maxLines": 1}}, {"kvlsp": {"maxLines": 1}, "other": {"maxLines": 2}},
    {"kvlsp.maxLines": 1, "other.maxLines": 2}, {"kvlsp": {"kvlsp.maxLines": 1}},
])  # fmt: skip
def test_the_ways_in_which_clients_write_a_section(section):
    """Those that are asked for theirs and answer with everything, and those that write full names."""
    configuration = configured()
    for said in (configuration.begin, configuration.push, configuration.whole):
        assert said(section) == []
        assert configuration.settings.max_lines == 1
        configuration.begin(None)
    configuration.whole(section)
    configuration.whole({"kvlsp": {}})
    assert configuration.settings.max_lines == 5


@pytest.mark.parametrize("section", [
    {"trace": {"server": "verbose"}}, {"kvlsp.trace.server": "verbose"}, {"kvlsp": {"trace.server": "verbose"}},
    {"kvlsp.trace": "verbose"},
])  # fmt: skip
def test_the_ways_in_which_the_trace_is_written(section):
    configuration = configured()
    for said in (configuration.begin, configuration.push, configuration.whole):
        assert said(section) == []
        assert configuration.settings.trace == "verbose"
        configuration.begin(None)


def test_a_part_leaves_the_others_as_they_are_and_null_takes_one_back():
    configuration = configured({"maxTokens": 9})
    configuration.push({"kvlsp": {"maxLines": 1}})
    configuration.push({"maxTokens": 7, "deadlineMs": 100})
    assert lines_and_tokens(configuration) == (1, 7)
    configuration.push({"maxLines": None, "maxTokens": None})
    assert lines_and_tokens(configuration) == (5, 9)
    assert configuration.settings.deadline_ms == 100


def test_a_bad_value_is_named_and_does_not_spoil_the_others():
    configuration = Configuration(START)
    [problem] = configuration.begin({"maxTokens": "many", "deadlineMs": 100})
    assert "kvlsp.maxTokens" in problem
    [problem] = configuration.whole({"maxTokens": 0, "maxLines": 2})
    assert "kvlsp.maxTokens" in problem
    assert lines_and_tokens(configuration) == (2, Settings().max_tokens)
    assert configuration.settings.deadline_ms == 100
    configuration.part({"maxTokens": 8})
    [problem] = configuration.part({"maxTokens": -1})
    assert lines_and_tokens(configuration) == (2, 8)


@pytest.mark.parametrize("section", [7, "x", [1], True])
def test_what_is_no_configuration_changes_nothing(section):
    configuration = configured()
    configuration.whole({"maxLines": 1})
    assert configuration.whole(section) == []
    assert configuration.push({"kvlsp": section}) == []
    assert configuration.push(section) == []
    assert configuration.settings.max_lines == 1


# --- on the wire ---


def pushed(talk: Conversation, settings: Any) -> int:
    talk.notify("workspace/didChangeConfiguration", {"settings": settings})
    return talk.engine.settings.max_lines


def answered(talk: Conversation, **answer: Any) -> int:
    """After the client has told what it has configured."""
    talk.notify("workspace/didChangeConfiguration", {"settings": None})
    talk.send({"jsonrpc": "2.0", "id": talk.sent[-1]["id"], **answer})
    return talk.engine.settings.max_lines


def test_a_pushed_section_is_whole():
    talk = Conversation(settings=START)
    talk.start()
    sections = ({"maxLines": 1}, {}, {"maxLines": 2}, None)
    assert [pushed(talk, {"kvlsp": section}) for section in sections] == [1, 5, 2, 5]
    assert sum(isinstance(message, Configure) for message in talk.engine.messages) == 4


def test_an_answer_is_whole_and_a_wrong_one_is_none():
    talk = Conversation(settings=START)
    talk.start(workspace={"configuration": True})
    assert answered(talk, result=[{"maxLines": 1}]) == 1
    for result in (7, [], [7], None):
        assert answered(talk, result=result) == 1
    assert answered(talk, error={"code": 1, "message": ""}) == 1
    assert answered(talk, result=[{"maxTokens": 9}]) == 5
    assert talk.engine.settings.max_tokens == 9
    assert answered(talk, result=[None]) == 5
    assert talk.engine.settings == START


TEAM = "wss://kvlsp.example.org/"


@pytest.mark.parametrize(("begun", "wishes", "told"), [
    (TEAM, ["own", "own", TEAM], [f"Until then your text still goes to {TEAM}."]),
    (TEAM, ["auto", "own"], [f"Until then your text still goes to {TEAM}."] * 2),
    ("auto", [TEAM, "shared", "own"], ["restart the editor for it to take effect."]),
    ("auto", ["shared", "own", "auto"], []),
])
def test_an_address_that_comes_or_goes_while_an_editor_runs_is_told_to_hold_later(begun, wishes, told):
    talk = Conversation()
    talk.start(options={"engine": begun})
    for wish in wishes:
        pushed(talk, {"kvlsp": {"engine": wish}})
    said = [one["message"] for one in talk.notified("window/showMessage")]
    assert len(said) == len(told)
    assert all(sentence.endswith(end) for sentence, end in zip(said, told, strict=True)), said


@pytest.mark.parametrize("section", [
    {"trace": "compact"}, {"trace": {"server": "compact"}}, {"kvlsp.trace.server": "compact"},
])  # fmt: skip
def test_the_compact_trace_of_vs_codes_libraries_is_one_of_messages(section):
    configuration = configured()
    assert configuration.whole(section) == []
    assert configuration.settings.trace == "messages"


@pytest.mark.parametrize("written", ["mine/", ["mine/", 7], ["mine/", None, {}], {"mine/": True, "ours/": False}])
def test_what_can_be_read_of_a_list_that_is_none_holds_and_the_rest_is_told(written):
    for key in ("exclude", "disabledFiles"):
        configuration = Configuration(START)
        for said in (configuration.begin, configuration.push, configuration.whole):
            assert [f"kvlsp.{key}" in problem for problem in said({key: written})] == [True]
            assert configuration.settings.as_options()[key] == ("mine/",)
    assert configuration.whole({"exclude": 7, "enable": "false", "model": ["a"], "maxLines": "3"}) != []
    assert configuration.settings == START
