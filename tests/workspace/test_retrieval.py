"""A caret ($0) in, chunks with reasons out; nothing that the document shows already; the same answer every time."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvlsp.syntax.language import Language
from kvlsp.workspace.caret import parts_of
from kvlsp.workspace.ignore import Rules
from kvlsp.workspace.index import Index
from kvlsp.workspace.retrieval import Chunk, Region, arrange, retrieve
from tests.support.nasty import nasty_text
from tests.workspace.opened import opened_below
from tests.workspace.trees import write_tree

SHAPES = '''\
"""Shapes."""


class Circle:
    """A round thing."""

    radius: float

    def area(self) -> float:
        """In square units."""
        return 3 * self.radius * self.radius

    def grow_by(self, factor: float) -> None:
        self.radius *= factor


def total_area(shapes):
    return sum(shape.area() for shape in shapes)


def unrelated(): ...
'''
WORKSPACE = {
    "geo/__init__.py": "from geo.shapes import Circle\n",
    "geo/shapes.py": SHAPES,
    "geo/colours.py": "class Colour:\n    red = 1\n\n\ndef total_area(): ...\n",
    "web/view.ts": "export function total_area(): number {\n  return 1;\n}\n",
    "tests/test_shapes.py": "def total_area(): ...\n\n\nclass Circle:\n    radius = 1\n",
    "far/away.py": "def launch_rocket(fuel):\n    fuel.burn()\n",
}


@pytest.fixture
def index(tmp_path):
    root = tmp_path / "root"
    write_tree(root, WORKSPACE)
    index = Index(Rules(root), tmp_path / "kept")
    list(index.scan())
    yield index
    index.close()


def ask(index: Index, document: str, name: str = "app.py", **options) -> tuple[Chunk, ...]:
    before, _, after = document.partition("$0")
    return retrieve(before + after, len(before), index.root / name, [index], **options)


def said(chunks: tuple[Chunk, ...]) -> list[tuple[str, str]]:
    return [(chunk.path, chunk.name) for chunk in chunks if chunk.kind == "definition"]


def test_an_imported_name_that_is_not_used_yet_comes_first(index):
    found = ask(index, "from geo.colours import Colour\nfrom geo.shapes import Circle\n\nc = Colour()\n$0\n")
    assert said(found)[0] == ("geo/shapes.py", "Circle")
    assert found[0].reason == "Circle is imported, not used yet"
    assert found[0].text == SHAPES[SHAPES.index("class"):SHAPES.index("\n\n\ndef total")]
    assert (found[0].line, found[0].end) == (3, 14)
    assert said(found)[1] == ("geo/colours.py", "Colour")
    assert found[1].reason == "Colour is imported, used 1 line above"


def test_names_near_the_caret_decide_among_imports(index):
    found = ask(index, "from geo.shapes import Circle, total_area, unrelated\n\ntotal_of_area = $0\n")
    assert said(found)[0] == ("geo/shapes.py", "total_area")


def test_the_import_decides_which_of_two_definitions_is_meant(index):
    document = "from geo.{} import total_area\n\ntotal_area($0)\n"
    for module in ("shapes", "colours"):
        found = ask(index, document.format(module))
        assert [path for path, name in said(found) if name == "total_area"] == [f"geo/{module}.py"]


def test_a_name_handed_on_by_a_package(index):
    found = ask(index, "from geo import Circle\n\n$0\n")
    assert said(found)[0] == ("geo/shapes.py", "Circle")


def test_the_module_itself_is_imported(index):
    found = ask(index, "from geo import shapes\n\nshapes.total_area($0)\n")
    assert said(found)[0] == ("geo/shapes.py", "total_area")
    assert found[0].reason == "total_area stands in a file that is imported, used on this line"


def test_a_member_is_wanted_where_a_dot_stands_before_it(index):
    with_dot = "from geo.shapes import total_area\n\nx.grow_by($0)\n"
    assert ("geo/shapes.py", "grow_by") in said(ask(index, with_dot))
    assert ("geo/shapes.py", "grow_by") not in said(ask(index, with_dot.replace("x.", "")))


def test_what_stands_in_the_document_is_left_out(index):
    head = "from geo.shapes import Circle\n\n$0\n"
    circle = SHAPES[SHAPES.index("class"):SHAPES.index("\n\n\ndef total")]
    assert ("geo/shapes.py", "Circle") in said(ask(index, head))
    assert said(ask(index, head + "\nif True:\n    " + circle.replace("\n", "\n    "))) == []
    assert said(ask(index, head + circle)) == []


def test_names_of_the_document_itself_are_not_looked_for(index):
    assert said(ask(index, "import geo\n\ndef launch_rocket(): ...\n\nlaunch_rocket($0)\n")) == []


def test_without_any_import_rare_names_count(index):
    found = ask(index, "launch_rocket($0)\n")
    assert said(found) == [("far/away.py", "launch_rocket")]


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


def test_tests_do_not_speak_for_the_code(index):
    found = ask(index, "from geo.shapes import Circle\n\nCircle($0)\n")
    assert "tests/test_shapes.py" not in [chunk.path for chunk in found]


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


def test_no_file_is_near_a_document_without_a_path(index):
    write_tree(index.root, {"near.py": "def launch_probe(): ...\n", "imported.py": "def land_probe(): ...\n"})
    list(index.scan())
    text = "from imported import land_probe\n\nlaunch_probe()\n"
    saved = retrieve(text, len(text), index.root / "app.py", [index])
    assert said(saved) == [("imported.py", "land_probe"), ("near.py", "launch_probe")]
    found = retrieve(text, len(text), None, [index], language=Language.of("python"))
    assert said(found) == [("imported.py", "land_probe")]
    elsewhere = retrieve(text, len(text), index.root.parent / "app.py", [index])
    assert [chunk.key for chunk in elsewhere] == [chunk.key for chunk in found]


def test_parts_of_names():
    assert parts_of("readHTTPFile_at2") == ["read", "http", "file", "at", "2"]
    assert parts_of("__init__") == ["init"]
