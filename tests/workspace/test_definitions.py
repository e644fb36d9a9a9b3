"""Which definitions are wanted at a caret ($0), which first, and why."""

from __future__ import annotations

from kvlsp.syntax.language import Language
from kvlsp.workspace.retrieval import retrieve
from tests.workspace.shapes import SHAPES, ask, said
from tests.workspace.trees import write_tree


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


def test_names_of_the_document_itself_are_not_looked_for(index):
    assert said(ask(index, "import geo\n\ndef launch_rocket(): ...\n\nlaunch_rocket($0)\n")) == []


def test_without_any_import_rare_names_count(index):
    found = ask(index, "launch_rocket($0)\n")
    assert said(found) == [("far/away.py", "launch_rocket")]


def test_tests_do_not_speak_for_the_code(index):
    found = ask(index, "from geo.shapes import Circle\n\nCircle($0)\n")
    assert "tests/test_shapes.py" not in [chunk.path for chunk in found]


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
