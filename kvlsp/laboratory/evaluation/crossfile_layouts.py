"""A case as rows: the document alone, and behind pieces of other files in the model's own format. Integers only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from kvlsp.laboratory.evaluation.crossfile_cases import Case
from kvlsp.opening.model import Model
from kvlsp.prompt import context
from kvlsp.prompt.layout import CONTEXT, NOTHING, Layout, Run, lay_out
from kvlsp.tokens.tokenizer import Tokenizer
from kvlsp.workspace.chunk import Chunk

MOST_TRUTH = 64
"""Tokens of a line at most."""



@dataclass(frozen=True, slots=True)
class Asked:
    """``bare`` is the document alone, ``whole`` with context.

    ``pieces`` are the layout rows [start, end) of each piece in ``whole``; rows [``head[0]``, ``head[1]``) stand before
    all of them. ``ids`` (tokens,) are the true line with its end, ``name`` the tokens [first, last) that spell the key
    name.
    """

    case: Case
    bare: Layout
    whole: Layout
    head: tuple[int, int]
    pieces: tuple[tuple[int, int], ...]
    ids: npt.NDArray[np.int64]
    name: tuple[int, int]


def asked(model: Model, case: Case, chunks: Sequence[Chunk]) -> Asked | None:
    """None when the key name does not stand among the first :data:`MOST_TRUTH` tokens of its line."""
    tokenizer, template = model.tokenizer, model.template
    spelt = spelling(tokenizer, case)
    if spelt is None:
        return None
    ids = tokenizer.encode(case.text).ids
    beside, head, pieces = beside_of(model, case, [(chunk.path, chunk.text) for chunk in chunks])
    bare = lay_out(template, run(ids), NOTHING)
    whole = lay_out(template, run(ids), NOTHING, beside) if pieces else bare
    begin = whole.context[0]
    return Asked(case, bare, whole, (begin, begin + head),
                 tuple((begin + start, begin + end) for start, end in pieces), *spelt)


def run(ids: npt.NDArray[np.int32]) -> Run:
    """A document of these tokens."""
    return Run(ids, np.arange(len(ids), dtype=np.int64))


def beside_of(model: Model, case: Case, texts: Sequence[tuple[str, str]]) -> tuple[Run, int, list[tuple[int, int]]]:
    """Pieces (path, text) as the model's family writes them: all rows, how many stand before the first, and each
    one's [start, end)."""
    tokenizer, template = model.tokenizer, model.template
    head = context.header(template, tokenizer, case.package)
    parts = [context.piece(template, tokenizer, path, text + "\n", "#") for path, text in texts]
    rows = np.concatenate([head, *parts, context.closing(template, tokenizer, case.path)])
    ends = (len(head) + np.cumsum([0, *map(len, parts)])).tolist()
    return Run(rows, CONTEXT - np.arange(len(rows), dtype=np.int64)), len(head), list(pairwise(ends))


def spelling(tokenizer: Tokenizer, case: Case) -> tuple[npt.NDArray[np.int64], tuple[int, int]] | None:
    """The true line's tokens, and those that spell the key name; None when that is too far right."""
    truth = tokenizer.encode(case.line + "\n", initial=False)
    first = int(np.searchsorted(truth.starts, case.column, side="right")) - 1
    last = int(np.searchsorted(truth.starts, case.column + len(case.name), side="left"))
    return None if last > MOST_TRUTH else (truth.ids[:MOST_TRUTH].astype(np.int64), (first, last))
