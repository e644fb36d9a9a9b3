"""Where and when nothing is wanted: files, comments, strings, while typing, during a pause."""

from __future__ import annotations

import pytest

from kvlsp.config import Settings
from kvlsp.server.wishes import wanted
from kvlsp.text.document import Document
from tests.support.conversation import Conversation


def at_caret(marked: str, language: str = "python", trigger: str = "automatic", uri: str = "file:///w/a.py",
             **settings: object) -> bool:
    """``marked`` is a text with ``$0`` at the caret."""
    before, _, after = marked.partition("$0")
    snapshot = Document.open(uri, language, 1, before + after).snapshot
    return wanted(Settings(**settings), snapshot, len(before), trigger, ["file:///w"])  # type: ignore[arg-type]


CODE = ["x = $0", "s = 'a' + $0", "# a comment\nx = $0", '"""text"""\n$0', "x = 1  $0", "f('#', $0)", "$0"]
COMMENTS = ["# $0", "x = 1  # what $0 for", "def f():\n    # one\n    # two$0"]
STRINGS = ["s = '$0'", 's = "a $0', '"""\nA module\n\nthat $0\n"""', "f'# {x} $0'"]


@pytest.mark.parametrize("text", CODE)
def test_code_is_always_wanted(text):
    assert at_caret(text, in_comments=False, in_strings=False)


@pytest.mark.parametrize("text", COMMENTS)
def test_comments(text):
    assert at_caret(text, in_strings=False)
    assert not at_caret(text, in_comments=False)


@pytest.mark.parametrize("text", STRINGS)
def test_strings(text):
    assert at_caret(text, in_comments=False)
    assert not at_caret(text, in_strings=False)


@pytest.mark.parametrize(("language", "text"), [
    ("c", "int x; /* one\n two $0"), ("c", "// $0"), ("rust", "/// $0"), ("go", "/* $0 */"), ("javascript", "// $0"),
])
def test_comments_of_other_languages(language, text):
    assert not at_caret(text, language, in_comments=False)
    assert at_caret(text, language, in_strings=False)


def test_a_long_document_is_read_in_a_window():
    assert not at_caret("x = 1\n" * 100_000 + "# $0", in_comments=False)


@pytest.mark.parametrize(("globs", "uri", "offered"), [
    ((), "file:///w/notes.md", True),
    (("*.md",), "file:///w/deep/notes.md", False),
    (("*.md",), "file:///w/notes.py", True),
    (("secret/",), "file:///w/secret/a.py", False),
    (("/secret/",), "file:///w/deep/secret/a.py", True),
    (("*.py", "!mine.py"), "file:///w/mine.py", True),
    (("*.py", "!mine.py"), "file:///w/yours.py", False),
    (("*.md",), "file:///elsewhere/notes.md", False),
    (("/elsewhere/",), "file:///elsewhere/notes.md", False),
    (("with space.py",), "file:///w/with%20space.py", False),
    (("*.ipynb",), "vscode-notebook-cell:/w/note.ipynb#W0sZmlsZQ", False),
    (("*.md",), "untitled:Untitled-1", True),
    (("*.md",), "weird://[/a.md", False),
    (("/w/*.md",), "vscode-remote://ssh%2Bhost/w/a.md", True),
    (("/a.md",), "vscode-remote://ssh%2Bhost/w/./a.md", False),
])
def test_files(globs, uri, offered):
    assert at_caret("x = $0", uri=uri, disabled_files=globs) == offered


def test_only_when_asked():
    assert not at_caret("x = $0", automatic=False)
    assert at_caret("x = $0", trigger="invoked", automatic=False)


# --- on the wire ---


def offered(talk: Conversation, trigger: int = 2) -> int:
    number = talk.complete(trigger=trigger)
    talk.loop.run()
    [answer] = talk.answers(number)
    return len(answer["result"])


def begun(**options: object) -> Conversation:
    talk = Conversation()
    talk.start(options=options)
    talk.open(text="")
    return talk


def command(talk: Conversation, name: str, *arguments: object) -> None:
    talk.ask("workspace/executeCommand", {"command": name, "arguments": list(arguments)})


def test_settings_arrive():
    talk = begun(automatic=False, disabledFiles=["*.md"])
    assert (offered(talk), offered(talk, 1)) == (0, 1)
    assert talk.ask("kvlsp/statistics", {})["server"]["empty"] == {"disabled": 1}


def kinds(talk: Conversation) -> list[tuple[str, str]]:
    told = [(status["kind"], status["message"]) for status in talk.notified("kvlsp/status")]
    return [one for one, before in zip(told, [None, *told], strict=False) if one != before]


def test_a_pause_ends_by_itself():
    talk = begun()
    command(talk, "kvlsp.pause", 5)
    assert (offered(talk), offered(talk, 1)) == (0, 0)
    assert kinds(talk)[-1] == ("paused", "paused for 5 minutes")
    talk.loop.advance(299)
    assert offered(talk) == 0
    talk.loop.advance(2)
    assert offered(talk) == 1
    assert kinds(talk)[-1] == ("ready", "ready")


def test_a_pause_until_it_is_ended():
    talk = begun()
    command(talk, "kvlsp.pause", 0)
    talk.loop.advance(1e6)
    assert offered(talk) == 0
    command(talk, "kvlsp.resume")
    command(talk, "kvlsp.resume")
    assert offered(talk) == 1


def test_a_pause_replaces_the_one_before():
    talk = begun()
    command(talk, "kvlsp.pause", 1.0)
    command(talk, "kvlsp.pause")
    talk.loop.advance(120)
    assert offered(talk) == 0
    talk.loop.advance(500)
    assert offered(talk) == 1


@pytest.mark.parametrize("minutes", [-1, "5", None, True, [5], {}])
def test_a_pause_of_no_length(minutes):
    talk = begun()
    assert "minutes" in talk.refused("workspace/executeCommand", {
        "command": "kvlsp.pause", "arguments": [minutes]})["message"]
    assert offered(talk) == 1
