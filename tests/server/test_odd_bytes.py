"""Bytes that are no UTF-8 in a message: the text follows, column for column."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.server.odd_bytes import STAND_IN, read_text
from tests.support.conversation import Conversation


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"caf\xe9 x", "caf? x"),
        (b"\xff\xfe", "??"),
        (b"\xe2\x82", "??"),
        ("é".encode() + b"\xe9", "é?"),
        (b"\xed\xa0\xbd", "\ud83d"),
        (b"\xed\xa0\xbd\xed\xb8\x80", "😀"),
        (b"\xed\xa0", "??"),
        (b"\xef\xbb\xbf{}", "{}"),
    ],
)
def test_each_odd_byte_has_a_stand_in(body, text):
    assert read_text(body) == text


@given(st.binary(max_size=60))
def test_columns_that_count_bytes_go_on_to_agree(body):
    odd = body.replace(b"\xed", b"x").replace(b"\xef", b"y")
    assert len(read_text(odd).encode()) == len(odd)


@given(st.text(max_size=60))
def test_what_is_utf_8_is_read_as_it_is(text):
    assert read_text(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")) == json.dumps(
        text.encode("utf-8", "replace").decode(), ensure_ascii=False)


def raw(talk: Conversation, message: dict, found: bytes, odd: bytes) -> None:
    talk.body(json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False).encode().replace(found, odd))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_changes_behind_an_odd_byte_land_where_the_editor_has_them(encoding):
    talk = Conversation()
    talk.start(encoding)
    raw(talk, {"method": "textDocument/didOpen", "params": {"textDocument": {
        "uri": "u:a", "languageId": "python", "version": 1, "text": "# caf@ = 1\n"}}}, b"@", b"\xe9")
    assert talk.text() == f"# caf{STAND_IN} = 1\n"
    at = {"line": 0, "character": 9}
    raw(talk, {"method": "textDocument/didChange", "params": {"textDocument": {"uri": "u:a", "version": 2},
        "contentChanges": [{"range": {"start": at, "end": {**at, "character": 10}}, "text": "2@"}]}}, b"@", b"\xff")
    assert talk.text() == f"# caf{STAND_IN} = 2{STAND_IN}\n"
    assert talk.notified("window/showMessage") == []
