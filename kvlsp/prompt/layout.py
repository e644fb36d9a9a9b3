"""Which tokens the model sees, in which order, at which positions.

A layout is integers only. Every row has a *cell*: the identity by which a plan recognises a row that is resident
already. A cell is a token's serial, or a negative number for a marker of the template or a row of the context: pieces
of other files that stand before the document.

Sources of the two orders: the cards of the models (:mod:`kvlsp.prompt.families`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kvlsp.prompt.template import Template

Ids = npt.NDArray[np.int32]
Cells = npt.NDArray[np.int64]

CONTEXT = -(1 << 20)
"""Cells of the context's rows are this and below it; those of markers lie above."""


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive tokens of the document, or of its context: ``ids`` (n,) and their ``serials`` (n,)."""

    ids: Ids
    serials: Cells

    def __len__(self) -> int:
        return len(self.ids)


NOTHING = Run(np.empty(0, np.int32), np.empty(0, np.int64))


@dataclass(frozen=True, slots=True)
class Layout:
    """Rows in layout order; the position of a row is its index.

    ``ids`` (n,) token ids, ``cells`` (n,) identities, ``prefix`` and ``suffix`` the half-open row ranges of the
    text before and after the caret, ``context`` that of the pieces of other files. ``text_last`` says that generated
    tokens follow the prefix directly (suffix-first and plain order), so that what is accepted may be adopted as it
    stands.
    """

    ids: Ids
    cells: Cells
    prefix: tuple[int, int]
    suffix: tuple[int, int]
    text_last: bool
    context: tuple[int, int] = (0, 0)

    def __len__(self) -> int:
        return len(self.ids)


def lay_out(template: Template, prefix: Run, suffix: Run, context: Run = NOTHING) -> Layout:
    """The rows that ask ``template``'s model for what stands between ``prefix`` and ``suffix``, given ``context``.

    In prefix-first order the document stays in order and a caret's move moves only a marker; in suffix-first order
    the tokens that the caret crosses change their place.
    """
    ids: list[npt.NDArray[np.integer]] = []
    cells: list[Cells] = []
    length = 0
    ranges = {"prefix": (0, 0), "suffix": (0, 0), "context": (0, 0)}
    in_front, begin = bool(template.file_separator), len(template.begin)

    def marker(tokens: tuple[int, ...], name: int, first: int = 1) -> None:
        nonlocal length
        ids.append(np.asarray(tokens, dtype=np.int32))
        cells.append(-(name * 16 + np.arange(first, first + len(tokens), dtype=np.int64)))
        length += len(tokens)

    def text(run: Run, name: str) -> None:
        nonlocal length
        ids.append(run.ids)
        cells.append(run.serials)
        ranges[name] = (length, length + len(run))
        length += len(run)

    def before(run: Run) -> None:
        if not in_front:
            text(context, "context")
        text(run, "prefix")

    marker(template.opening[:begin], 0)
    if in_front:
        text(context, "context")
    marker(template.opening[begin:], 0, begin + 1)
    if template.order == "suffix_first":
        text(suffix, "suffix")
        marker(template.between, 1)
        before(prefix)
    else:
        before(prefix)
        if template.order == "prefix_first":
            marker(template.between, 1)
            text(suffix, "suffix")
    marker(template.closing, 2)
    return Layout(
        ids=np.concatenate(ids).astype(np.int32, copy=False),
        cells=np.concatenate(cells),
        prefix=ranges["prefix"],
        suffix=ranges["suffix"],
        text_last=template.order != "prefix_first" and not template.closing,
        context=ranges["context"],
    )


def overhead(template: Template) -> int:
    """Rows that a layout has beside the text: its markers."""
    return len(template.opening) + len(template.between) + len(template.closing)
