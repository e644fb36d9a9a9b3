"""What a client is shown of the engine: views as JSON, one answer to each question, nothing changed by asking."""

from __future__ import annotations

import pytest

from kvlsp.messages import DescribeTokens, Watch
from tests.support.conversation import Conversation

URI = "file:///a.py"


@pytest.fixture
def talk() -> Conversation:
    talk = Conversation()
    talk.start()
    return talk


def test_a_view_comes_as_the_engine_made_it(talk):
    talk.open(URI, "x = 1\n")
    assert talk.ask("kvlsp/watch", {"since": 4, "uri": URI}) == {"turn": 5, "document": {"uri": URI, "ids": "AQAAAA=="}}


def test_without_anything_the_first_view_of_the_document_in_use_is_asked_for(talk):
    assert talk.ask("kvlsp/watch") == {"turn": 0, "document": None}
    assert [(message.since, message.uri) for message in talk.engine.messages if isinstance(message, Watch)] == [
        (-1, None)]


def test_tokens_are_told_in_the_order_of_the_question(talk):
    assert talk.ask("kvlsp/tokens", {"ids": [7, 3, 7]}) == ["<7>", "<3>", "<7>"]
    assert isinstance(talk.engine.messages[-1], DescribeTokens)


@pytest.mark.parametrize(("method", "params"), [
    ("kvlsp/watch", {"since": "x"}), ("kvlsp/watch", {"since": 1, "uri": 5}), ("kvlsp/tokens", None),
    ("kvlsp/tokens", {"ids": ["a"]}), ("kvlsp/tokens", {"ids": [0] * (1 << 17)}),
])
def test_what_is_no_question_is_refused_with_a_sentence(talk, method, params):
    assert talk.refused(method, params)["message"].endswith(".")
