"""Which tokens the model sees, in which order, at which positions.

A layout is integers only. Every row has a *cell*: the identity by which a plan recognises a row that is resident
already. A cell is a token's serial, or a negative number for a marker of the template. This module does not know
slots, tensors or why the caret is where it is.

Sources of the two orders: FINDINGS section 8 and the cards of the models (:mod:`kvlsp.prompt.families`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kvlsp.prompt.template import Template

Ids = npt.NDArray[np.int32]
Cells = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive tokens of the document: ``ids`` (n,) and their ``serials`` (n,)."""

    ids: Ids
    serials: Cells

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Layout:
    """Rows in layout order; the position of a row is its index.

    ``ids`` (n,) token ids, ``cells`` (n,) identities, ``prefix`` and ``suffix`` the half-open row ranges of the
    text before and after the caret. ``text_last`` says that generated tokens follow the prefix directly
    (suffix-first and plain order), so that what is accepted may be adopted as it stands.
    """

    ids: Ids
    cells: Cells
    prefix: tuple[int, int]
    suffix: tuple[int, int]
    text_last: bool

    def __len__(self) -> int:
        return len(self.ids)


def lay_out(template: Template, prefix: Run, suffix: Run) -> Layout:
    """The rows that ask ``template``'s model for what stands between ``prefix`` and ``suffix``.

    In prefix-first order the document stays in order and a caret's move moves only a marker; in suffix-first order
    the tokens that the caret crosses change their place.
    """
    ids: list[npt.NDArray[np.integer]] = []
    cells: list[Cells] = []
    length = 0
    ranges = {"prefix": (0, 0), "suffix": (0, 0)}

    def marker(tokens: tuple[int, ...], name: int) -> None:
        nonlocal length
        ids.append(np.asarray(tokens, dtype=np.int32))
        cells.append(-(name * 16 + np.arange(1, len(tokens) + 1, dtype=np.int64)))
        length += len(tokens)

    def text(run: Run, name: str) -> None:
        nonlocal length
        ids.append(run.ids)
        cells.append(run.serials)
        ranges[name] = (length, length + len(run))
        length += len(run)

    marker(template.opening, 0)
    if template.order == "suffix_first":
        text(suffix, "suffix")
        marker(template.between, 1)
        text(prefix, "prefix")
    else:
        text(prefix, "prefix")
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
    )


def overhead(template: Template) -> int:
    """Rows that a layout has beside the text: its markers."""
    return len(template.opening) + len(template.between) + len(template.closing)
