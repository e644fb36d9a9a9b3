"""The text is what the editor has, after whatever it sends, in each encoding."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.text.position import PositionEncoding, position_of
from kvlsp.text.rope import Rope
from tests.support.conversation import Conversation
from tests.support.nasty import as_sent, nasty_text, placed, replacements


@pytest.fixture
def talk() -> Conversation:
    talk = Conversation()
    talk.start()
    return talk


def between(start: tuple[int, int], end: tuple[int, int], text: str) -> dict[str, Any]:
    return {
        "range": {
            "start": {"line": start[0], "character": start[1]},
            "end": {"line": end[0], "character": end[1]},
        },
        "text": text,
    }


def test_each_change_refers_to_the_text_that_the_one_before_left(talk):
    talk.open(text="a\nb\n")
    talk.change(
        "u:a",
        2,
        between((0, 0), (0, 0), "x\n"),
        between((1, 0), (1, 1), "A"),
        {"text": "new\n"},
        between((0, 3), (0, 3), "er"),
    )
    assert talk.text() == "newer\n"


def test_lines_end_at_cr_and_lf_only(talk):
    talk.open(text="a\x0cb\u2028c\x85d\r\ne\rf\n")
    talk.change(
        "u:a", 2, between((1, 0), (1, 1), "E"), between((2, 0), (2, 1), "F"), between((0, 2), (0, 3), "B")
    )
    assert talk.text() == "a\x0cB\u2028c\x85d\r\nE\rF\n"


def test_replace_all_is_one_edit_for_the_engine(talk):
    """Thousands of edits, each as dear as a key, kept everybody waiting."""
    lines = 500
    talk.open(text="x = item\n" * lines)
    talk.change("u:a", 2, *[between((line, 4), (line, 8), "entry") for line in reversed(range(lines))])
    assert talk.text() == "x = entry\n" * lines
    assert len(talk.engine.messages[-1].changes) == 1


def test_half_a_character_is_replaced(talk):
    talk.open(text="s = '\U0001f31f'\n")
    talk.change("u:a", 2, between((0, 6), (0, 7), "\udf89"))
    assert talk.text() == "s = '\U0001f389'\n"


def test_a_change_between_the_bytes_of_a_character_gives_the_text_up():
    talk = Conversation()
    talk.start("utf-8")
    talk.open(text="é = 1")
    talk.change("u:a", 2, between((0, 1), (0, 2), "x"))
    [told] = talk.notified("window/showMessage")
    assert "into a character" in told["message"]
    assert talk.notified("kvlsp/status")[-1]["problems"]


@pytest.mark.parametrize(("encoding", "character"), [("utf-8", 5), ("utf-16", 3), ("utf-32", 2)])
def test_columns_count_in_the_negotiated_units(encoding, character):
    talk = Conversation()
    talk.start(encoding)
    talk.open(text="😀x")
    talk.change("u:a", 2, between((0, character), (0, character), "!"))
    assert talk.text() == "😀x!"


def test_a_lone_surrogate_is_a_character_like_any_other(talk):
    talk.body(
        b'{"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": '
        b'{"uri": "u:a", "languageId": "python", "version": 1, "text": "a\\ud800b\\u0000"}}}'
    )
    assert talk.text() == "a\ud800b\x00"
    talk.change("u:a", 2, between((0, 2), (0, 3), "B"))
    assert talk.text() == "a\ud800B\x00"
    state = talk.ask("kvlsp/documentState", {"uri": "u:a"})
    assert (state["version"], state["characters"]) == (2, 4)


def test_positions_past_the_end_are_the_end(talk):
    talk.open(text="ab\ncd")
    talk.change("u:a", 2, between((0, 99), (0, 99), "!"), between((99, 99), (99, 99), "?"))
    assert talk.text() == "ab!\ncd?"


BEYOND = [2**31 - 1, 2**31, 2**32 - 1, 2**53 - 1, 2**63 - 1, 2**64 - 1, 10**30, 1.7976931348623157e308, 4294967295.0]
"""What languages call their largest number."""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
@pytest.mark.parametrize("most", BEYOND)
def test_the_largest_number_of_a_language_is_the_end(encoding, most):
    talk = Conversation()
    talk.start(encoding)
    talk.open(text="ä\n😀d")
    talk.change("u:a", 2, between((0, most), (0, most), "!"), between((most, 0), (most, most), "?"))
    assert talk.text() == "ä!\n😀d?"
    assert talk.ask("textDocument/inlineCompletion", {**request("u:a"), "position": {"line": most, "character": most}})
    talk.change("u:a", 3, between((0, 0), (most, most), "new"))
    talk.change("u:a", 4, *[between((0, most), (most, most), "+") for _ in range(300)])
    assert talk.text() == "new" + 300 * "+"
    assert talk.notified("window/showMessage") == []


@settings(deadline=None)  # other work may keep the machine busy
@given(nasty_text(), st.lists(replacements(), max_size=4), st.sampled_from(list(PositionEncoding)))
def test_any_history_of_changes(text, history, encoding):
    talk = Conversation()
    talk.start(encoding.value)
    text = as_sent(text)
    talk.open(text=text)
    expected = text
    for version, replacement in enumerate(history, start=2):
        start, end, new = placed(replacement, len(expected))
        new = as_sent(new)
        rope = Rope.of(expected)
        places = position_of(rope, start, encoding), position_of(rope, end, encoding)
        # an editor cannot name the place between \r and \n: take what it would name
        start, end = (
            sum(map(len, lines_before(expected, line))) + column_of(expected, line, column, encoding)
            for line, column in places
        )
        talk.change("u:a", version, between(*places, new))
        expected = expected[:start] + new + expected[end:]
        assert talk.text() == expected


def split(text: str) -> list[str]:
    """Lines with their ends, the slow way."""
    lines, rest = [], text
    while rest:
        ends = [i for i in (rest.find("\n"), rest.find("\r")) if i >= 0]
        cut = min(ends) + 1 if ends else len(rest)
        cut += rest[cut - 1 : cut + 1] == "\r\n"
        lines.append(rest[:cut])
        rest = rest[cut:]
    return lines


def lines_before(text: str, line: int) -> list[str]:
    return split(text)[:line]


def column_of(text: str, line: int, column: int, encoding: PositionEncoding) -> int:
    """Characters in the first ``column`` units of a line, counted one by one."""
    lines = split(text)
    if line >= len(lines):
        return 0
    width = {
        "utf-8": lambda c: len(c.encode("utf-8", "surrogatepass")),
        "utf-16": lambda c: 1 + (ord(c) > 0xFFFF),
        "utf-32": lambda c: 1,
    }[encoding.value]
    units = count = 0
    while units < column:
        units += width(lines[line][count])
        count += 1
    return count


# --- what does not fit ---


def test_a_change_of_a_document_that_is_not_open_is_told_and_nothing_is_lost(talk):
    talk.open("u:a", "kept")
    talk.change("u:b", 2, between((0, 0), (0, 0), "x"))
    [message] = talk.notified("window/logMessage")
    assert "u:b" in message["message"]
    assert talk.text("u:a") == "kept"
    assert talk.ask("kvlsp/documentState", {"uri": "u:b"}) is None


COUNTED = [(1, 2, 3), (5, 4, 6), (0, 0, 0), (1, 1, 1), (1, None, None), (None, None, 7), (-3, -2, -2), (9, 1000, 3),
           (1_764_322_014_000, 1_764_322_014_001, 2), (2**53, 2**63, 2**64)]
"""Versions of an opening and of two changes: with undo, always the same, none at all, milliseconds, hashes."""


@pytest.mark.parametrize(("opened", "second", "third"), COUNTED)
def test_changes_are_made_in_their_order_whatever_their_versions_are(talk, opened, second, third):
    talk.open(text="", version=opened)
    talk.change("u:a", second, between((0, 0), (0, 0), "b"))
    before = talk.server.documents.snapshot("u:a").version
    talk.change("u:a", third, between((0, 0), (0, 0), "a"), {"text": "abc"}, between((0, 3), (0, 3), "d"))
    talk.change("u:a", third, {"text": "abcde"})
    talk.change("u:a", third, between((0, 5), (0, 5), "f"))
    assert talk.text() == "abcdef"
    assert talk.server.documents.snapshot("u:a").version > before + 1
    assert talk.notified("window/showMessage") == talk.notified("window/logMessage") == []


def test_an_answer_for_a_text_of_before_is_not_given_where_all_versions_are_one():
    talk = Conversation(hold=True)
    talk.start()
    talk.open(text="abc")
    number = talk.complete("u:a", 0, 3)
    talk.change("u:a", 1, between((0, 0), (0, 3), ""))
    talk.engine.release()
    talk.loop.run()
    assert "error" in talk.answers(number)[0]


def test_a_version_may_be_missing_and_a_language_too(talk):
    talk.notify("textDocument/didOpen", {"textDocument": {"uri": "u:a", "text": "a"}})
    talk.notify("textDocument/didChange", {"textDocument": {"uri": "u:a"}, "contentChanges": [{"text": "b"}]})
    assert talk.text() == "b"


def test_a_whole_text_is_believed_whatever_its_version(talk):
    talk.open(text="one", version=5)
    talk.change("u:a", 3, {"text": "two"})
    assert talk.text() == "two"
    talk.change("u:a", 4, between((0, 3), (0, 3), "!"))
    assert talk.text() == "two!"
    talk.change("u:a", 2, between((-1, 0), (0, 0), "lost"))
    talk.change("u:a", 3, {"text": "found"}, between((0, 5), (0, 5), "!"))
    assert talk.text() == "found!"


def save(talk: Conversation, text: str | None) -> None:
    talk.notify("textDocument/didSave", {"textDocument": {"uri": "u:a"}, **({} if text is None else {"text": text})})


def test_a_saved_text_counts_where_changes_did_not_add_up_to_it(talk):
    talk.open(text="\n\n")
    talk.change("u:a", 2, between((1, 0), (1, 0), ""))  # what Neovim says of two empty lines of which one is deleted
    save(talk, "\n")
    assert talk.text() == "\n"
    assert talk.engine.messages[-1].snapshot.version == 2
    talk.change("u:a", 3, between((0, 0), (0, 0), "x"))
    assert talk.text() == "x\n"


@pytest.mark.parametrize(("held", "saved"), [
    ("a\n", "a\n"), ("a", "a\n"), ("a\r\n", "a"), ("a\r", "a"), ("", "\n"), ("a\nb", None), ("a", None),
])
def test_a_line_end_at_the_end_is_no_difference(talk, held, saved):
    talk.open(text=held)
    before = list(talk.engine.messages)
    save(talk, saved)
    assert talk.text() == held
    assert talk.engine.messages == before


def test_a_saved_text_of_a_document_that_is_not_open_is_ignored(talk):
    save(talk, "a\n")
    assert talk.ask("kvlsp/documentState", {"uri": "u:a"}) is None


@pytest.mark.parametrize(("client", "wanted"), [
    ({"name": "Neovim", "version": "0.12.4"}, True), ({"name": "Visual Studio Code"}, False), (None, False), (7, False),
])
def test_only_neovim_is_asked_for_the_text_that_it_saves(client, wanted):
    capabilities = Conversation().ask("initialize", {"capabilities": {}, "clientInfo": client})["capabilities"]
    assert capabilities["textDocumentSync"]["save"] == {"includeText": wanted}


def request(uri: str) -> dict[str, Any]:
    return {
        "textDocument": {"uri": uri},
        "position": {"line": 0, "character": 0},
        "context": {"triggerKind": 2},
    }


def test_opening_again_replaces_and_closing_what_is_not_open_is_told(talk):
    talk.open(text="one")
    talk.open(text="two")
    assert talk.text() == "two"
    talk.notify("textDocument/didClose", {"textDocument": {"uri": "u:a"}})
    talk.notify("textDocument/didClose", {"textDocument": {"uri": "u:a"}})
    assert len(talk.notified("window/logMessage")) == 1
    assert talk.engine.documents == {}


def test_uris_are_opaque(talk):
    uris = [
        "untitled:Untitled-1",
        "vscode-notebook-cell:/a.ipynb#W0",
        "file:///a%20b.py",
        "file:///a b.py",
        "",
        "x",
    ]
    for uri in uris:
        talk.open(uri, uri)
    assert [talk.text(uri) for uri in uris] == uris


def test_cells_of_a_notebook_are_documents(talk):
    def cell(uri: str, text: str) -> dict[str, Any]:
        return {"uri": uri, "languageId": "python", "version": 1, "text": text}

    notebook = {
        "uri": "nb:1",
        "notebookType": "jupyter-notebook",
        "version": 1,
        "cells": [{"kind": 2, "document": "nb:1#a"}],
    }
    talk.notify(
        "notebookDocument/didOpen", {"notebookDocument": notebook, "cellTextDocuments": [cell("nb:1#a", "a")]}
    )
    talk.notify(
        "notebookDocument/didChange",
        {
            "notebookDocument": {"uri": "nb:1", "version": 2},
            "change": {
                "cells": {
                    "structure": {
                        "array": {"start": 1, "deleteCount": 0, "cells": [{"kind": 2, "document": "nb:1#b"}]},
                        "didOpen": [cell("nb:1#b", "b")],
                    },
                    "textContent": [
                        {
                            "document": {"uri": "nb:1#a", "version": 2},
                            "changes": [between((0, 1), (0, 1), "A")],
                        }
                    ],
                }
            },
        },
    )
    assert (talk.text("nb:1#a"), talk.text("nb:1#b")) == ("aA", "b")
    talk.notify(
        "notebookDocument/didClose",
        {"notebookDocument": {"uri": "nb:1"}, "cellTextDocuments": [{"uri": "nb:1#a"}, {"uri": "nb:1#b"}]},
    )
    assert talk.engine.documents == {}
    assert talk.notified("window/logMessage") == []


def test_large_documents(talk):
    line = "x = 1  # é😀\n"
    talk.open(text=line * 400_000)  # 5 MB
    talk.change("u:a", 2, between((399_999, 0), (399_999, 1), "y"))
    assert (
        talk.server.documents.snapshot("u:a").text.slice(len(line) * 399_999, len(line) * 399_999 + 1) == "y"
    )
    talk.open("u:b", "a" * 1_000_000)
    talk.change("u:b", 2, between((0, 500_000), (0, 500_000), "b"))
    assert talk.text("u:b") == "a" * 500_000 + "b" + "a" * 500_000


@pytest.mark.parametrize(("opened", "changed"), [
    ("file:///c%3A/a b.py", "file:///C:/a%20b.py"), ("file:///w/a.py", "file:///w/./%61.py"),
    ("file:///w/\xe9.py", "file:///w/%C3%A9.py"), ("file:///w/%C3%A9.py", "file:///w/%c3%a9.py"),
])
def test_a_document_is_known_by_every_spelling_of_its_uri(talk, opened, changed):
    talk.open(opened, "abc")
    talk.change(changed, 2, between((0, 0), (0, 0), "x"))
    assert talk.text(opened) == "xabc"
    assert talk.ask("kvlsp/documentState", {"uri": changed})["characters"] == 4
    number = talk.complete(changed)
    talk.loop.run()
    assert talk.answers(number)[0]["result"]
    talk.notify("textDocument/didClose", {"textDocument": {"uri": changed}})
    assert len(talk.server.documents) == 0


def test_two_spellings_that_are_open_are_two_documents_until_one_is_closed(talk):
    one, other, third = "file:///w/a.py", "file:///w/./a.py", "file:///w/%61.py"
    talk.open(one, "1")
    talk.open(other, "2")
    talk.change(one, 2, between((0, 0), (0, 0), "x"))
    talk.change(other, 2, between((0, 0), (0, 0), "y"))
    talk.change(third, 3, between((0, 0), (0, 0), "z"))
    assert (talk.text(one), talk.text(other)) == ("x1", "zy2")
    talk.notify("textDocument/didClose", {"textDocument": {"uri": other}})
    talk.change(third, 4, between((0, 0), (0, 0), "z"))
    assert talk.text(one) == "zx1"


def test_a_uri_of_another_scheme_or_machine_is_another_document(talk):
    talk.open("vscode-remote://one/w/a.py", "abc")
    for uri in ("file:///w/a.py", "vscode-remote://two/w/a.py", "git:/w/a.py"):
        assert talk.ask("kvlsp/documentState", {"uri": uri}) is None


def test_of_a_document_that_is_not_open_no_version_is_kept(talk):
    talk.change("u:gone", 7, between((0, 0), (0, 0), "x"))
    assert talk.server.documents.version("u:gone") is None
