"""A caret ($0) in, chunks with reasons out; nothing that the document shows already; the same answer every time."""

from __future__ import annotations

import dataclasses

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvlsp.workspace.chunk import Chunk, Region
from kvlsp.workspace.ignore import Rules
from kvlsp.workspace.index import Index
from kvlsp.workspace.retrieval import arrange, retrieve
from tests.support.nasty import nasty_text
from tests.workspace.opened import opened_below
from tests.workspace.shapes import SHAPES, ask, said
from tests.workspace.trees import write_tree


def test_what_stands_in_the_document_is_left_out(index):
    head = "from geo.shapes import Circle\n\n$0\n"
    circle = SHAPES[SHAPES.index("class"):SHAPES.index("\n\n\ndef total")]
    assert ("geo/shapes.py", "Circle") in said(ask(index, head))
    assert said(ask(index, head + "\nif True:\n    " + circle.replace("\n", "\n    "))) == []
    assert said(ask(index, head + circle)) == []


def test_the_own_file_is_no_other_file(index):
    before = SHAPES.replace("def unrelated(): ...", "total_area($0)")
    assert "geo/shapes.py" not in [chunk.path for chunk in ask(index, before, "geo/shapes.py")]


def test_the_budget_holds_and_a_smaller_chunk_may_still_fit(index):
    document = "from geo.shapes import Circle, total_area\n\n$0\n"
    whole = ask(index, document)
    assert {name for _, name in said(whole)} >= {"Circle", "total_area"}
    small = min(len(chunk.text) for chunk in whole)
    found = ask(index, document, budget=small + 5)
    assert [len(chunk.text) for chunk in found] == [small]
    assert ask(index, document, budget=0) == ()
    by_words = ask(index, document, budget=20, measure=lambda text: len(text.split()))
    assert 0 < sum(len(chunk.text.split()) for chunk in by_words) <= 20


def test_regions_of_other_documents_come_after_definitions(index):
    here = Region(index.root, "far/away.py", 0, 2, "fuel.burn()", "edited 3 seconds ago")
    own = dataclasses.replace(here, path="app.py")
    found = ask(index, "from geo.shapes import Circle\n\n$0\n", regions=[own, here])
    kinds = [chunk.kind for chunk in found]
    assert kinds.count("region") == 1
    assert kinds.index("region") > max(number for number, kind in enumerate(kinds) if kind == "definition")
    assert found[kinds.index("region")].reason == "edited 3 seconds ago"


def test_similar_pieces_say_what_they_share(index):
    body = "radius_inner = circle_factor(radius_outer)\nradius_outer.grow(circle_factor)\n"
    write_tree(index.root, {"far/like.py": body})
    index.refresh([index.root / "far/like.py"])
    found = ask(index, "radius_inner = $0\nradius_outer = circle_factor\n")
    similar = [chunk for chunk in found if chunk.kind == "similar"]
    assert [chunk.path for chunk in similar] == ["far/like.py"]
    assert "circle_factor" in similar[0].reason
    write_tree(index.root, {"far/like.py": "changed = 1\n" + body})
    assert [chunk.path for chunk in ask(index, "radius_inner = $0\nradius_outer = circle_factor\n")] == []
    write_tree(index.root, {"far/like.py": body, ".gitignore": "far/\n"})
    list(index.scan())
    with opened_below(index.root) as opened:
        assert ask(index, "radius_inner = $0\nradius_outer = circle_factor\n") == ()
    assert [path for _, path in opened if path.endswith(".py")] == []


DOCUMENT = ("from geo.shapes import Circle, total_area\nfrom geo.colours import Colour\n\n\ndef paint(shape):\n"
            "    shape.grow_by(Colour.red)\n    circle = Circle()\n    return total_area([circle])\n")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(offset=st.integers(0, len(DOCUMENT)), budget=st.integers(0, 3000))
def test_the_same_question_has_the_same_answer(index, offset, budget):
    path = index.root / "app.py"
    first = retrieve(DOCUMENT, offset, path, [index], budget=budget)
    assert first == retrieve(DOCUMENT, offset, path, [index], budget=budget)
    assert sum(len(chunk.text) for chunk in first) <= budget
    assert len({chunk.key for chunk in first}) == len(first)
    assert all(chunk.reason for chunk in first)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=nasty_text(20), share=st.floats(0, 1))
def test_any_text_may_be_asked_about(index, text, share):
    retrieve(text, round(share * len(text)), index.root / "app.py", [index])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(offsets=st.lists(st.integers(0, len(DOCUMENT)), min_size=2, max_size=5))
def test_what_stays_keeps_its_place(index, offsets):
    placed: tuple[Chunk, ...] = ()
    for offset in offsets:
        found = retrieve(DOCUMENT, offset, index.root / "app.py", [index], budget=500, placed=placed)
        now = arrange(found, placed)
        assert {chunk.key for chunk in now} == {chunk.key for chunk in found}
        staying = [chunk.key for chunk in placed if chunk.key in {one.key for one in found}]
        assert [chunk.key for chunk in now][:len(staying)] == staying
        placed = now


def test_two_roots_and_a_document_outside_of_them(index, tmp_path):
    other = tmp_path / "other"
    write_tree(other, {"lib.py": "def helper_of_other(): ...\n"})
    second = Index(Rules(other), tmp_path / "kept")
    list(second.scan())
    text = "from lib import helper_of_other\nfrom geo.shapes import Circle\n\n"
    found = retrieve(text, len(text), tmp_path / "elsewhere.py", [index, second])
    assert {(chunk.root, chunk.name) for chunk in found} == {(index.root, "Circle"), (other, "helper_of_other")}
    second.close()
