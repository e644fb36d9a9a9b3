"""What the parser has read is let go of: counted, since a process that grows shows it only after hours."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.errors import TooCostly
from kvlsp.syntax.language import Language
from tests.syntax.samples import SAMPLES

PYTHON = Language.of("python")
LANGUAGES = {language.name: language for language in Language.all()}
DATA = b"x = f(1, [2])\n" * 3000


def give_up() -> None:
    with pytest.raises(TooCostly):
        PYTHON.parse(DATA, seconds=0.0)


def again() -> None:
    tree = PYTHON.parse(DATA, seconds=9.0)
    tree.edit(0, 0, 1, (0, 0), (0, 0), (0, 1))
    PYTHON.parse_while(lambda: True, b"y" + DATA, tree)


@pytest.mark.parametrize("parse", [
    lambda: PYTHON.parse(DATA, seconds=9.0), lambda: PYTHON.parse_while(lambda: True, DATA), again,
    lambda: PYTHON.parse_while(lambda: False, DATA), give_up, lambda: PYTHON.parse(DATA * 2, seconds=9.0)])
def test_nothing_of_a_text_is_held_when_it_has_been_parsed(parse):
    parse()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(5):
            parse()
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert held < len(DATA) // 2


def test_the_tree_is_that_of_the_text():
    """Let go of once, and no more: what was read is still what it was for who reads it again."""
    trees = [PYTHON.parse(DATA[:length], seconds=9.0) for length in (0, 1, 2, 14, len(DATA))]
    for _ in range(50):
        trees.append(PYTHON.parse(DATA, seconds=9.0))
    assert [tree.root_node.end_byte for tree in trees] == [0, 1, 2, 14, *[len(DATA)] * 51]
    assert not trees[-1].root_node.has_error


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_a_parse_that_ends_at_the_first_error_ends_only_where_there_is_one(name, data):
    language, text, heard = LANGUAGES[name], SAMPLES[name].text, list[int]()
    start, stop = (data.draw(st.integers(0, len(text))) for _ in range(2))
    cut = (text[:start] + text[stop:]).encode()
    tree = language.parse_while(lambda: True, cut, at_error=heard.append)
    whole = language.parse_while(lambda: True, cut)
    assert tree is None if heard else tree.root_node.has_error == whole.root_node.has_error
    assert whole.root_node.has_error or not heard
    assert all(0 <= offset <= len(cut) for offset in heard)
