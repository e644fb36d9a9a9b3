"""Many changes in one pass are the same text as one after the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.errors import PositionError
from kvlsp.text import batch, document
from kvlsp.text.batch import at_once
from kvlsp.text.document import Document, FullChange, RangeChange
from kvlsp.text.position import PositionEncoding
from kvlsp.text.rope import Rope
from tests.support.nasty import as_sent, nasty_text

UTF16 = PositionEncoding.UTF16
MOST = st.just(2**53 - 1)
"""For the end of a line, or of a text."""
PLACE = st.tuples(st.integers(0, 5) | MOST, st.integers(0, 9) | MOST)
PIECES = ["a", "b", " ", "\n", "\r\n", "é", "漢", "😀", "👩\u200d👧", "\u2028", "\ud83d", "\ude00", "xyz = 1\n"]
ORDERS = {"as it comes": list, "from the beginning": sorted,
          "from the end": lambda changes: sorted(changes, reverse=True)}


def one_by_one(text: str, changes, encoding: PositionEncoding) -> str | None:
    """The text after them; None where one of them is refused."""
    opened = Document.open("u:a", "python", 1, text)
    try:
        for version, change in enumerate(changes, 2):
            opened.apply(version, [RangeChange(*change)], encoding)
    except PositionError:
        return None
    return str(opened.snapshot.text)


@given(
    st.one_of(st.lists(st.sampled_from(PIECES), max_size=30).map("".join), nasty_text()),
    st.lists(st.tuples(PLACE, PLACE, st.lists(st.sampled_from(PIECES), max_size=3).map("".join)), max_size=12),
    st.sampled_from(list(PositionEncoding)), st.sampled_from(list(ORDERS)), st.booleans(),
    st.sampled_from([1, 3, 4096]), st.booleans(),
)
def test_the_same_text(text, changes, encoding, order, narrow, block, returns):
    text = as_sent(text)
    if returns:
        text = text.replace("\n", "\r")
        changes = [(start, end, new.replace("\n", "\r")) for start, end, new in changes]
    if narrow:  # most ranges would run over half of the text
        changes = [(start, (start[0], start[1] + end[1] % 3), new) for start, end, new in changes]
    changes = ORDERS[order](changes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch, "BLOCK", block)
        found = at_once(Rope.of(text), changes, encoding)
    if found is not None:
        edit, after = found
        assert str(after) == str(Rope.of(text).replace(edit)) == one_by_one(text, changes, encoding)


@given(st.lists(st.sampled_from(["x", "é", "漢", "😀", " item", "\n", "\r\n"]), min_size=1, max_size=40).map("".join),
       st.sampled_from(list(PositionEncoding)), st.randoms())
def test_what_an_editor_sends_is_always_of_this_kind(text, encoding, rng):
    """Whole characters, replaced in any order: nothing is left to the slow way."""
    lines = [line.encode({"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}[encoding.value])
             for line in text.replace("\r\n", "\n").split("\n")]
    size = {PositionEncoding.UTF8: 1, UTF16: 2, PositionEncoding.UTF32: 4}[encoding]
    ends = [(number, len(line) // size) for number, line in enumerate(lines)]
    changes = [(place, place, rng.choice(["y", "漢", "😀", "\n"])) for place in rng.sample(ends, len(ends))]
    changes = sorted(changes, reverse=True)
    found = at_once(Rope.of(text), changes, encoding)
    assert found is not None
    assert str(found[1]) == one_by_one(text, changes, encoding)


@pytest.mark.parametrize("encoding", list(PositionEncoding))
@pytest.mark.parametrize("order", ["ascending", "descending", "scattered"])
@pytest.mark.parametrize("line", ["x = item  # größe\r\n", "x = item\n", "😀 = item\n", "😀 = item\r", "item, 漢字 "])
def test_replace_all_takes_no_slow_way(monkeypatch, encoding, order, line):
    """Counted, not timed: no change is looked up in the tree by itself."""
    monkeypatch.setattr(document, "_one_by_one", lambda *_: pytest.fail("one by one"))
    codec, unit = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[encoding.value]

    def width(text: str) -> int:
        return len(text.encode(codec)) // unit

    places = list(range(300))
    if order != "ascending":
        places.reverse()
    ends = line.endswith(("\n", "\r"))
    if order == "scattered" and ends:
        places = places[::2] + places[1::2]
    start, before = line.index("item"), width(line[:line.index("item")])
    changes = []
    for place in places:
        number, column = (place, before) if ends else (0, before + place * width(line))
        if number == 0 and order == "ascending":
            column += place  # those to the left are a letter longer by now
        changes.append(RangeChange((number, column), (number, column + 4), "entry"))
    opened = Document.open("u:a", "python", 1, line * 300)
    (change,) = opened.apply(2, changes, encoding)
    assert str(change.after) == (line[:start] + "entry" + line[start + 4:]) * 300


def test_thousands_of_changes_that_come_to_nothing_take_no_slow_way(monkeypatch):
    monkeypatch.setattr(document, "_one_by_one", lambda *_: pytest.fail("one by one"))
    typed, deleted = RangeChange((1, 0), (1, 0), "q"), RangeChange((1, 0), (1, 1), "")
    opened = Document.open("u:a", "python", 1, "x = item\n" * 300)
    assert opened.apply(2, [typed, deleted] * 200, UTF16) == ()


@given(st.lists(st.tuples(st.sampled_from([0, 1, 2, 5]), st.booleans()), max_size=9))
def test_a_whole_text_among_changes_is_where_they_begin(steps):
    """With ranges before and behind it, few or many."""
    changes = [FullChange(f"a{number}\n\nb\n") if whole else RangeChange((line, 0), (line, 0), "y")
               for number, (line, whole) in enumerate(steps) for _ in range(1 if whole else 60)]
    at_once, alone = (Document.open("u:a", "python", 1, "x = item\n" * 9) for _ in range(2))
    for version, change in enumerate(changes, 2):
        alone.apply(version, [change], UTF16)
    made = at_once.apply(2, changes, UTF16)
    assert str(at_once.snapshot.text) == str(alone.snapshot.text)
    text = Rope.of("x = item\n" * 9)
    for change in made:
        text = text.replace(change.edit)
        assert str(text) == str(change.after)


def test_a_long_text_is_not_taken_apart_for_some_changes():
    """A hundred keys cost what they are, whatever stands around them."""
    text = "x = item\n" * 100_000
    opened = Document.open("u:a", "python", 1, text)
    made = opened.apply(2, [RangeChange((n, 4), (n, 8), "entry") for n in range(101)], UTF16)
    assert len(made) == 101


@pytest.mark.parametrize(("text", "changes", "encoding"), [
    ("ab", [((0, -1), (0, 0), "")], UTF16),                          # no position
    ("a\rb\n", [((0, 0), (0, 0), "x")], UTF16),
    ("a\rb", [((0, 0), (0, 0), "\n")], UTF16),
    ("ab", [((0, 0), (0, 0), "\r")], UTF16),
    ("é", [((0, 1), (0, 1), "x")], PositionEncoding.UTF8),           # inside a character
    ("x" * (batch.BLOCK - 1) + "漢", [((0, batch.BLOCK), (0, batch.BLOCK), "x")], PositionEncoding.UTF8),
    ("ab", [((0, 0), (0, 0), "\ude00")], PositionEncoding.UTF32),    # a half: where it meets another, columns move
    ("ab\ud83d", [((0, 0), (0, 0), "x")], PositionEncoding.UTF8),
])
def test_what_needs_a_second_look_is_left_alone(text, changes, encoding):
    assert at_once(Rope.of(text), changes, encoding) is None
