"""The resident cache of one document, as it is at this moment, for whoever watches. Integers only, no text."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from kvlsp.cache.resident import ResidentCache
from kvlsp.cache.witness import Origin
from kvlsp.engine.completion import Phase
from kvlsp.engine.document_state import DocumentState

_MOST = np.iinfo(np.uint16).max

ROWS = 1 << 19
"""Rows that are shown at most, the first ones."""


def portrait(document: DocumentState) -> Mapping[str, Any] | None:
    """Its rows in layout order; None before it has any tokens. Arrays are little-endian, in base64, one element a
    row: ``ids`` and ``cells`` int32, ``changes`` uint16 (missed since it was encoded), ``origin`` int8
    (:class:`~kvlsp.cache.witness.Origin`), ``written`` and ``moved`` int32 (strokes), ``likely`` uint16: how likely the
    token was behind all rows before it when that was last known exactly, in hundredths of a nat below certainty;
    65535 where it is not known.

    ``generated`` are the ids of what the newest completion has generated behind the caret, the places of copied ones
    among them ``copied``; ``typed`` characters of its text have been typed since.
    """
    session = document.session
    if session is None:
        return None
    cache = session.cache
    rows = cache.rows
    if cache.witness is not None:
        origin, written, moved = cache.witness.of(rows.slots)
    else:
        origin, (written, moved) = np.zeros(len(rows), np.int8), np.zeros((2, len(rows)), np.int32)
    if cache.unwritten is not None:
        origin = np.where(cache.unwritten, np.int8(Origin.WAITING), origin)
    progress = document.job.progress if document.job is not None else None
    return {
        "uri": document.snapshot.uri,
        "version": document.snapshot.version,
        "order": session.model.template.order,
        "rows": len(rows),
        "frontier": cache.frontier,
        "prefix": list(rows.prefix),
        "tokens": len(session.tokens.ids),
        "unread": session.behind,
        "window": [list(span) for span in session.window.spans],
        "ids": _packed(rows.ids, "<i4"),
        "cells": _packed(rows.cells, "<i4"),
        "changes": _packed(np.minimum(cache.staleness.changes, _MOST), "<u2"),
        "origin": _packed(origin, "<i1"),
        "written": _packed(written, "<i4"),
        "moved": _packed(moved, "<i4"),
        "likely": _packed(_likely(cache), "<u2"),
        "generated": list(progress.ids) if progress is not None else [],
        "copied": list(progress.copied) if progress is not None else [],
        "typed": document.job.typed if document.job is not None else 0,
        "generating": document.job is not None and document.job.phase is Phase.DECODING,
    }


def _likely(cache: ResidentCache) -> npt.NDArray[np.float32]:
    known = cache.likelihoods
    if known is None:
        return np.full(len(cache.rows), _MOST, np.float32)
    return np.nan_to_num(np.minimum(-100 * known.now, _MOST - 1), nan=_MOST)


def _packed(values: npt.NDArray[Any], kind: str) -> str:
    return b64encode(values[:ROWS].astype(kind).tobytes()).decode("ascii")
