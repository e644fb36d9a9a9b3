"""A text and its twin with line feeds alone, after any history of edits."""

from hypothesis import given
from hypothesis import strategies as st

from kvlsp.text.document import Change
from kvlsp.text.edit import Edit
from kvlsp.text.line_feeds import LineFeeds, plain
from kvlsp.text.rope import Rope

NASTY = st.text(st.sampled_from("\r\n\r\nab\u2028\U0001f600é"), max_size=40)
LONG = st.builds(lambda unit, count, rest: unit * count + rest, st.sampled_from(["\r\n", "\r", "ab\r\n", "\n\r"]),
                 st.integers(0, 3000), NASTY)


@given(NASTY | LONG, st.data())
def test_follows_any_edits(text, data):
    both = LineFeeds.of(Rope.of(text))
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 10)))
        inserted = data.draw(NASTY)
        edit = Edit(start, end, inserted)
        before = str(both.plain)
        text = text[:start] + inserted + text[end:]
        both, change = both.follow(Change(edit, both.text.replace(edit)))
        assert str(both.text) == text
        assert str(both.plain) == str(change.after) == plain(text)
        seen = change.edit
        assert before[:seen.start] + seen.text + before[seen.end:] == plain(text)


@given(NASTY | LONG, st.data())
def test_offsets_are_those_of_the_plain_text(text, data):
    both = LineFeeds.of(Rope.of(text))
    offset = data.draw(st.integers(0, len(text)))
    between = text[offset - 1:offset + 1] == "\r\n" and offset > 0
    assert both.between(offset) == between
    assert both.offset(offset) == len(plain(text[:offset - between]))


def test_without_such_line_ends_both_are_one():
    rope = Rope.of("a\nb\u2028c\x0c")
    both = LineFeeds.of(rope)
    assert both.plain is both.text is rope
    edit = Edit(1, 1, "x")
    after = rope.replace(edit)
    both, change = both.follow(Change(edit, after))
    assert both.plain is both.text is after
    assert change.edit is edit


def test_a_keystroke_costs_no_more_in_a_long_text():
    """One character typed is one character in the plain text, wherever it is."""
    both = LineFeeds.of(Rope.of("some code\r\n" * 20_000))
    edit = Edit(110_005, 110_005, "x")
    both, change = both.follow(Change(edit, both.text.replace(edit)))
    assert change.edit == Edit(both.offset(110_005), both.offset(110_005), "x")


def test_line_ends_are_those_of_the_line():
    both = LineFeeds.of(Rope.of("a\rb"))
    assert str(both.plain) == "a\nb"
    assert [both.line_end_at(offset) for offset in (0, 1, 2, 3)] == ["\r"] * 4
    both = LineFeeds.of(Rope.of("a\r\nb\nc"))
    assert [both.line_end_at(offset) for offset in (0, 1, 2, 3, 5)] == ["\r\n", "\r\n", "\r\n", "\n", "\n"]
    assert LineFeeds.of(Rope.of("a\r\nb")).line_end_at(4) == "\r\n"
    assert LineFeeds.of(Rope.of("")).line_end_at(0) == "\n"
