"""A small workspace of shapes, indexed, and questions about it: a caret ($0) in, chunks out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kvlsp.workspace.chunk import Chunk
from kvlsp.workspace.ignore import Rules
from kvlsp.workspace.index import Index
from kvlsp.workspace.retrieval import retrieve
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


@contextmanager
def indexed(folder: Path) -> Iterator[Index]:
    root = folder / "root"
    write_tree(root, WORKSPACE)
    index = Index(Rules(root), folder / "kept")
    list(index.scan())
    yield index
    index.close()


def ask(index: Index, document: str, name: str = "app.py", **options) -> tuple[Chunk, ...]:
    before, _, after = document.partition("$0")
    return retrieve(before + after, len(before), index.root / name, [index], **options)


def said(chunks: tuple[Chunk, ...]) -> list[tuple[str, str]]:
    return [(chunk.path, chunk.name) for chunk in chunks if chunk.kind == "definition"]
