from __future__ import annotations

from random import Random

from kvlsp.laboratory.training.corpus import SourceFile
from kvlsp.laboratory.training.definitions import LONGEST, Definitions, block, definition
from kvlsp.laboratory.training.examples import ExampleStream
from kvlsp.laboratory.training.middles import draw_middle
from kvlsp.laboratory.training.vocabulary import FILE, REPOSITORY, Vocabulary, train_vocabulary

AREA = "    def area_of(self) -> float:\n        return 1.0\n"
SHAPES = f"LIMIT_OF_ALL = 3\n\n\nclass Circle:\n{AREA}\n\ndef others():\n    pass\n"
USER = "from one.shapes import Circle\n\n\ndef main(LIMIT_OF_ALL):\n    return Circle().area_of() + unknown_name\n"
FILES = (
    SourceFile("one", "one/shapes.py", SHAPES, 1.0),
    SourceFile("one", "one/user.py", USER, 1.0),
    SourceFile("one", "one/alone.py", "import os\n\n\ndef mean_of(numbers):\n    return sum(numbers)\n" * 9, 1.0),
)


def test_names_of_other_files_are_found_where_they_are_defined():
    used = Definitions(FILES, range(3)).used_by(USER, FILES[1])
    assert {name: file.path for name, (file, _) in used.items()} == dict.fromkeys(
        ["Circle", "LIMIT_OF_ALL", "area_of"], "one/shapes.py"
    )
    file, start = used["area_of"]
    assert definition(file.text, start) == AREA


def test_what_the_file_itself_defines_is_nobody_elses():
    own = SourceFile("one", "one/own.py", "class Circle:\n    pass\n\n\nCircle()\n", 1.0)
    assert Definitions((*FILES, own), range(4)).used_by(own.text, own) == {}


def test_a_name_that_many_files_define_and_a_special_one_say_nothing():
    text = "def common_name():\n    pass\n\n\ndef __len__(self):\n    pass\n"
    files = [SourceFile("p", f"p/{i}.py", text, 1.0) for i in range(4)]
    other = SourceFile("p", "p/user.py", "common_name(); __len__()\n", 1.0)
    assert Definitions([*files, other], range(5)).used_by(other.text, other) == {}


def test_a_long_definition_is_cut_and_a_last_line_without_end_is_one():
    text = "def long():\n" + "    step()\n" * 100
    assert definition(text, 0).count("\n") == LONGEST
    assert block("class Empty", 0) == ["class Empty"]
    assert block("def two(\n    a,\n):\n    pass\n\n\nx = 1\n", 0) == ["def two(", "    a,", "):", "    pass"]


def test_holes_fall_on_lines_that_use_the_names_shown():
    for seed in range(30):
        start, end = draw_middle(USER, Random(seed), ["unknown_name"])
        line = USER.count("\n", 0, start)
        assert "unknown_name" in USER.split("\n")[line] or "unknown_name" in USER[start:end]


def test_rows_of_a_package_show_definitions_that_their_document_uses():
    vocabulary = Vocabulary(train_vocabulary((file.text for file in FILES), 300))
    stream = ExampleStream(FILES, vocabulary, 400, "0", 4.0)
    found = 0
    for seed in range(60):
        examples = stream._repository(FILES[1], 0, len(USER), 400, Random(seed))
        head = examples[0].ids
        assert head[0] == REPOSITORY
        assert FILE in head
        shown = vocabulary.decode(head)
        found += AREA in shown and "def others" not in shown
    assert found > 10
