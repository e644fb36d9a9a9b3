"""What the daemon would show the model of other files, for a command that runs without one."""

from __future__ import annotations

from pathlib import Path

from kvlsp.cli.project import root_of
from kvlsp.config import Settings
from kvlsp.messages import ContextChunk, PlaceContext


def beside(text: str, offset: int, path: Path, settings: Settings) -> PlaceContext:
    """The chunks for a caret at ``offset`` of the file ``path``, of the nearest project above it. Reads its files."""
    from kvlsp.workspace.ignore import Rules
    from kvlsp.workspace.index import Index
    from kvlsp.workspace.reader import Reader
    from kvlsp.workspace.retrieval import arrange, retrieve
    from kvlsp.workspace.service import tokens

    path = path.resolve()
    root = root_of(path)
    reader = Reader()
    index = Index(Rules(root, settings.exclude), outline=reader)
    try:
        for _ in index.scan():
            pass
        found = retrieve(text, offset, path, [index], budget=settings.cross_file_tokens, measure=tokens,
                         outliner=reader)
    finally:
        index.close()
        reader.close()
    chunks = tuple(ContextChunk(chunk.path, chunk.text) for chunk in arrange(found, ()))
    return PlaceContext(path.as_uri(), chunks, root.name, path.relative_to(root).as_posix())
