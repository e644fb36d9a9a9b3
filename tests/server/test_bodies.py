"""What encoders write that do not hold to the standard is read where its meaning is plain."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.server import bodies
from tests.support.conversation import Conversation


@given(st.text(st.characters(exclude_characters='"\\', exclude_categories=["Cs"]), max_size=60))
def test_characters_of_a_string_may_stand_by_themselves(text):
    assert bodies.read(f'{{"text": "{text}"}}'.encode()) == {"text": text}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12))
def test_what_holds_to_the_standard_is_read_as_it_is(value):
    assert bodies.read(json.dumps(value).encode()) == value


def test_a_number_of_any_length_spoils_no_message():
    assert bodies.read(b'{"a": %b, "b": -%b, "c": 7}' % (b"9" * 6000, b"9" * 6000)) == {
        "a": math.inf, "b": -math.inf, "c": 7}


@pytest.mark.parametrize("body", [b"", b"{", b'{"a" 1}', b'"', b"[1,]", b"{}{}"])
def test_what_has_no_plain_meaning_is_not_guessed(body):
    with pytest.raises(ValueError):
        bodies.read(body)


def test_a_change_with_control_characters_is_followed():
    talk = Conversation()
    talk.start()
    talk.open(text="a")
    talk.body(b'{"jsonrpc": "2.0", "method": "textDocument/didChange", "params": {"textDocument": {"uri": "u:a", '
              b'"version": 2}, "contentChanges": [{"text": "a\tb\n\x00\x1b"}]}}')
    assert talk.text() == "a\tb\n\x00\x1b"
