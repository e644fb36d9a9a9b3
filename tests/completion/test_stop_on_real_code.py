"""Whole statements of the standard library, taken out and "generated" again with all that follows them.

The rule must end exactly where the statement ended: no model is needed to know that.
"""

import random
import sysconfig
from pathlib import Path

import pytest
import tree_sitter

from kvlsp.completion.stop import StopRule
from kvlsp.syntax.language import Language
from kvlsp.syntax.window import WINDOW

FILES = ("argparse", "ast", "calendar", "configparser", "csv", "difflib", "enum", "inspect", "json/decoder",
         "shutil", "statistics", "textwrap", "typing", "uuid", "zipfile")
LONGEST = 10  # lines: the rule's own limit is 12


def holes(text: str, count: int) -> list[tuple[int, int]]:
    """(start, end) of statements that stand alone on their lines."""
    python = Language.of("python")
    captures = tree_sitter.QueryCursor(python.query("statements")).captures(python.parse(text).root_node)
    found = []
    for node in captures["statement"]:
        line_start = text.rfind("\n", 0, node.start_byte) + 1
        line_end = text.find("\n", node.end_byte)
        lines = node.end_point[0] - node.start_point[0]
        if lines < LONGEST and line_end > 0 and not text[line_start:node.start_byte].strip():
            found.append((node.start_byte, line_end))
    return random.Random(7).sample(found, min(count, len(found)))


def ends_at(text: str, start: int, end: int) -> int | None:
    """Where the rule ends when the statement and what follows are generated."""
    rule = StopRule.begin(text[max(0, start - WINDOW):start], text[end:end + WINDOW], Language.of("python"))
    for at in range(start, min(end + 1500, len(text)), 4):
        stop = rule.push(text[at:min(at + 4, len(text))])
        if stop is not None:
            return start + len(rule.generated[:stop.keep].rstrip())
    return None


def test_the_end_of_a_statement_is_found():
    library = Path(sysconfig.get_path("stdlib"))
    missed, judged = [], 0
    for name in FILES:
        file = library / f"{name}.py"
        if not file.exists():
            continue
        text = file.read_text(encoding="ascii", errors="replace").replace("\ufffd", "?")
        for start, end in holes(text, 16):
            judged += 1
            if ends_at(text, start, end) != start + len(text[start:end].rstrip()):
                missed.append(f"{name}.py:{text.count(chr(10), 0, start) + 1}")
    assert judged > 100
    if len(missed) > 0.03 * judged:
        pytest.fail(f"{len(missed)} of {judged} statements: the end was missed at {missed}")
