"""What a document's layout shows of other files: pieces with names by which a plan knows them again.

Integers only; which pieces are encoded already is the chunk store's business (:mod:`kvlsp.cache.chunks`), when they
are placed is :mod:`kvlsp.engine.placing`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

import numpy as np

from kvlsp.cache.chunks import ChunkStore, Lent
from kvlsp.messages import PlaceContext
from kvlsp.opening.model import Model
from kvlsp.prompt import context as written
from kvlsp.prompt.layout import CONTEXT, NOTHING, Cells, Ids, Run
from kvlsp.syntax.language import Language


@dataclass(frozen=True, slots=True)
class Piece:
    """Tokens ``ids`` with the cells ``cell``, ``cell - 1``, ...; equal keys are equal tokens behind equal ones."""

    key: bytes
    ids: Ids
    cell: int

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def cells(self) -> Cells:
        return self.cell - np.arange(len(self.ids), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Context:
    """``head`` opens it, ``chunks`` follow, ``closing`` leads to the document. ``behind`` (n,) is the control prefix
    that a chunk is encoded behind when it is encoded alone; cells from ``fresh`` downwards are unused."""

    head: Piece
    chunks: tuple[Piece, ...]
    closing: Piece
    behind: Ids
    fresh: int

    @property
    def run(self) -> Run:
        """The rows of the layout; none where there is no chunk."""
        if not self.chunks:
            return NOTHING
        pieces = (self.head, *self.chunks, self.closing)
        return Run(np.concatenate([piece.ids for piece in pieces]), np.concatenate([piece.cells for piece in pieces]))

    @property
    def shown(self) -> tuple[bytes, ...]:
        """What stands before the document, by name: equal for equal tokens."""
        return tuple(piece.key for piece in (self.head, *self.chunks, self.closing)) if self.chunks else ()

    def only(self, keys: set[bytes]) -> Context:
        """Without the chunks that are not among ``keys``."""
        chunks = tuple(chunk for chunk in self.chunks if chunk.key in keys)
        return Context(self.head, chunks, self.closing, self.behind, self.fresh)

    def lent(self, store: ChunkStore) -> Iterator[Lent]:
        """The chunks that ``store`` has."""
        unseen = 0
        for piece in self.chunks:
            chunk = store.get(piece.key)
            if chunk is not None:
                yield Lent(piece.cell, chunk, unseen)
            unseen += len(piece)


def compose(model: Model, asked: PlaceContext, language: str, room: int, before: Context) -> Context:
    """The pieces that ``asked`` names, as the model's family writes them, at most ``room`` tokens: the last ones are
    left out. Pieces of ``before`` keep their cells."""
    template, tokenizer = model.template, model.tokenizer
    known = {piece.key: piece.cell for piece in (before.head, *before.chunks, before.closing)}
    fresh = before.fresh
    head_ids = written.header(template, tokenizer, asked.repository)
    behind = written.before_first(template, head_ids)

    def named(kind: bytes, ids: Ids) -> Piece:
        nonlocal fresh
        content = b"%s %d " % (kind, len(behind)) + behind.tobytes() + ids.tobytes()
        key = hashlib.blake2b(content, digest_size=16).digest()
        cell = known.get(key)
        if cell is None:
            cell, fresh = fresh, fresh - len(ids)
            known[key] = cell
        return Piece(key, ids, cell)

    head = named(b"head", head_ids)
    closing = named(b"closing", written.closing(template, tokenizer, asked.path or _name(asked.uri)))
    left = room - len(head) - len(closing)
    chunks: dict[bytes, Piece] = {}
    comment = _comment(language, asked.uri)
    for chunk in asked.chunks:
        piece = named(b"chunk", written.piece(template, tokenizer, chunk.path, chunk.text, comment))
        if len(piece) > left:
            break
        if len(piece) and piece.key not in chunks:  # the same piece twice would be two rows of one name
            chunks[piece.key] = piece
            left -= len(piece)
    return Context(head, tuple(chunks.values()), closing, behind, fresh)


def _name(uri: str) -> str:
    return unquote(uri.rsplit("/", 1)[-1])


def _comment(language: str, uri: str) -> str:
    known = Language.of_document(language, uri)
    return known.line_comments[0] if known is not None and known.line_comments else "#"


_NO_PIECE = Piece(b"", NOTHING.ids, 0)
NO_CONTEXT = Context(_NO_PIECE, (), _NO_PIECE, NOTHING.ids, CONTEXT)
