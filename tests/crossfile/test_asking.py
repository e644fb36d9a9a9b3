"""Who is asked for what, and when: documents in, messages out, the time is handed in."""

from __future__ import annotations

import pytest

from kvlsp.config import Settings
from kvlsp.crossfile.asking import LARGEST, QUIET, Asking
from kvlsp.messages import ContextChunk, EditDocument, PlaceContext
from kvlsp.text.document import Document, RangeChange
from kvlsp.text.position import PositionEncoding
from kvlsp.workspace.messages import Ask, DocumentClosed, DocumentText, Retrieved, Shown, Visited

CHUNK = Shown("lib.py", "x = 1\n")
PLACED = (ContextChunk("lib.py", "x = 1\n"),)


class Editor:
    """Documents that are edited, and what goes out when; the time is in seconds."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.asking = Asking(settings or Settings(cross_file="always"))
        self.documents: dict[str, Document] = {}
        self.now = 100.0

    def open(self, name: str, text: str = "abc\n", language: str = "python") -> None:
        self.documents[name] = Document.open(name, language, 1, text)
        self.asking.opened(self.documents[name].snapshot, f"/{name}", self.now)

    def type(self, name: str, text: str, line: int = 0, character: int = 0) -> None:
        document = self.documents[name]
        base = document.snapshot.version
        changes = document.apply(base + 1, [RangeChange((line, character), (line, character), text)],
                                 PositionEncoding.UTF16)
        self.asking.edited(EditDocument(name, base, changes, document.snapshot), self.now)

    def out(self, after: float = 0.0) -> list[object]:
        self.now += after
        return list(self.asking.outgoing(self.now))

    def ask(self, after: float = 0.0) -> Ask:
        """The one question among what goes out."""
        [ask] = [message for message in self.out(after) if isinstance(message, Ask)]
        return ask

    def answer(self, *chunks: Shown, within: tuple[int, int] = (0, 1000), after: float = QUIET) -> PlaceContext | None:
        return self.asking.answered(Retrieved(self.ask(after).number, chunks, within, "project", "a.py"))


@pytest.fixture
def editor() -> Editor:
    editor = Editor()
    editor.open("a")
    return editor


def test_an_opened_document_is_sent_at_once_and_asked_for_when_it_rests(editor):
    assert editor.out() == [DocumentText("/a", "abc\n")]
    assert editor.asking.due(editor.now) == pytest.approx(QUIET)
    assert editor.out(QUIET / 2) == []
    [ask] = editor.out(QUIET / 2)
    assert ask == Ask(ask.number, "/a", 0, 1024, ())
    assert editor.asking.due(editor.now) is None


def test_typing_is_asked_for_when_it_rests_with_the_text_of_then(editor):
    editor.answer()
    for letter in "word":
        editor.type("a", letter, character=len(str(editor.documents["a"].snapshot.text)) - 4)
        assert editor.out(QUIET / 2) == []
    text, ask = editor.out(QUIET / 2)
    assert text == DocumentText("/a", "wordabc\n")
    assert (ask.path, ask.offset) == ("/a", 4)


def test_one_question_at_a_time(editor):
    first = editor.ask(QUIET)
    editor.type("a", "x")
    assert editor.out(QUIET) == []
    assert editor.asking.due(editor.now) is None
    editor.asking.answered(Retrieved(first.number, ()))
    assert editor.asking.due(editor.now) == 0
    text, ask = editor.out()
    assert text == DocumentText("/a", "xabc\n")
    assert ask.number > first.number


def test_a_caret_that_leaves_its_definition_is_asked_for_at_once(editor):
    editor.type("a", "x" * 50)
    editor.answer(within=(0, 52))
    editor.asking.visited("a", 40, editor.now)
    assert editor.out() == []
    editor.asking.visited("a", 53, editor.now)
    assert editor.ask().offset == 53


def test_typing_on_does_not_leave_the_definition(editor):
    editor.type("a", "x" * 50)
    ask = editor.ask(QUIET)
    editor.type("a", "y" * 10)           # before the answer comes
    editor.asking.answered(Retrieved(ask.number, (), (0, 50)))
    editor.type("a", "z" * 10, character=60)
    assert editor.out() == []
    assert editor.asking.due(editor.now) == pytest.approx(QUIET)


def test_the_engine_is_told_what_is_new_only(editor):
    assert editor.answer(CHUNK) == PlaceContext("a", PLACED, "project", "a.py")
    editor.type("a", "x")
    assert editor.answer(CHUNK) is None
    editor.type("a", "x")
    assert editor.answer() == PlaceContext("a", (), "project", "a.py")
    editor.type("a", "x")
    assert editor.answer() is None


def test_nothing_found_is_nothing_to_tell(editor):
    assert editor.answer() is None


def test_an_answer_that_says_nothing_leaves_what_is_placed(editor):
    editor.answer(CHUNK)
    editor.type("a", "x")
    ask = editor.ask(QUIET)
    assert editor.asking.answered(Retrieved(ask.number, None)) is None
    assert [message.chunks for message in editor.asking.cleared()] == [()]


def test_nothing_is_asked_twice_unless_the_index_changed(editor):
    editor.answer()
    editor.asking.visited("a", 0, editor.now)
    assert editor.out(10) == []
    assert editor.asking.due(editor.now) is None
    editor.asking.again()
    assert editor.ask().path == "/a"


def test_the_other_documents_places_the_latest_first(editor):
    editor.open("b", "x" * 5000)
    editor.type("b", "1", character=4000)
    editor.asking.visited("b", 100, editor.now)
    editor.open("c", "y" * 100)
    editor.type("c", "2", character=7)
    editor.type("b", "22", character=50)
    editor.asking.visited("a", 2, editor.now)
    assert editor.ask(QUIET).places == (Visited("/b", 52, True), Visited("/c", 8, True), Visited("/b", 4003, True))


def test_places_of_a_document_that_was_never_saved_are_not_shown(editor):
    editor.documents["b"] = Document.open("untitled:b", "python", 1, "x" * 100)
    editor.asking.opened(editor.documents["b"].snapshot, None, editor.now)
    assert DocumentText("untitled:b", "x" * 100, "python") in editor.out()
    editor.asking.visited("untitled:b", 50, editor.now)
    editor.asking.visited("a", 2, editor.now)
    assert editor.ask(QUIET).places == ()


def test_a_question_goes_out_behind_the_newest_texts_of_all(editor):
    editor.open("b", "x" * 5000)
    editor.asking.visited("a", 0, editor.now)
    editor.answer(within=(0, 1))
    editor.type("b", "1", character=70)
    editor.asking.visited("a", 3, editor.now)  # leaves its stretch
    text, ask = editor.out()
    assert (text.path, text.text[70], ask.places) == ("/b", "1", (Visited("/b", 71, True),))


def test_texts_of_documents_in_the_background_are_sent_when_they_rest(editor):
    editor.answer()
    editor.open("b")
    editor.answer()
    editor.type("a", "x")   # a rename at work
    editor.asking.visited("b", 0, editor.now)
    assert editor.out() == []
    assert DocumentText("/a", "xabc\n") in editor.out(QUIET)


def test_a_closed_document_is_told_and_its_answer_dropped(editor):
    ask = editor.ask(QUIET)
    editor.asking.closed("a")
    assert editor.out() == [DocumentClosed("/a")]
    assert editor.asking.answered(Retrieved(ask.number, (CHUNK,))) is None
    editor.asking.edited(EditDocument("a", 1, (), editor.documents["a"].snapshot), editor.now)
    editor.asking.visited("a", 3, editor.now)
    editor.asking.closed("a")
    assert editor.out(QUIET) == []


def test_a_document_opened_again_keeps_what_is_placed(editor):
    editor.answer(CHUNK)
    editor.open("a", "other\n")
    assert editor.out() == [DocumentText("/a", "other\n")]
    assert editor.answer(CHUNK) is None


def test_after_a_loss_everything_is_told_again(editor):
    editor.open("b")
    editor.ask(QUIET)
    editor.asking.lost()
    assert [message for message in editor.out() if isinstance(message, DocumentText)] == \
        [DocumentText("/a", "abc\n"), DocumentText("/b", "abc\n")]
    assert editor.asking.due(editor.now) is None  # the question went out as well


def test_what_was_placed_is_taken_away_once(editor):
    editor.answer(CHUNK)
    assert list(editor.asking.cleared()) == [PlaceContext("a", ())]
    assert list(editor.asking.cleared()) == []


def test_documents_that_are_too_large_or_not_served():
    editor = Editor(Settings(cross_file="always", disabled_languages=("markdown",)))
    editor.open("large", "x" * (LARGEST + 1))
    assert editor.out(QUIET) == []
    assert editor.asking.due(editor.now) is None
    editor.open("prose", language="markdown")
    assert editor.out(QUIET) == [DocumentText("/prose", "abc\n")]
    assert editor.asking.due(editor.now) is None


def test_a_file_that_is_opened_under_a_second_uri_has_a_name_of_its_own_and_is_never_shown_to_itself(editor):
    again = editor.documents["./a"] = Document.open("./a", "python", 1, "again\n")
    editor.asking.opened(again.snapshot, "/a", editor.now)
    editor.type("a", "x")
    assert editor.out(QUIET)[:2] == [DocumentText("/a", "xabc\n"), DocumentText("./a", "again\n", None, "/a")]
    editor.type("./a", "y")
    editor.asking.lost()
    assert editor.ask(QUIET).places == ()
    editor.asking.closed("a")
    assert editor.out()[0] == DocumentClosed("/a")
    assert editor.asking.uris({"/a", "./a"}) == ("./a",)
    editor.open("a")
    assert editor.asking.uris({"/a", "./a"}) == ("./a", "a")
