"""The slow truths that fast paths are compared with: full tokenization, a from-scratch layout, full prefill."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from kvlsp.cache.plan import common_head
from kvlsp.cache.repair import repair
from kvlsp.cache.resident import ResidentCache
from kvlsp.engine.session import Session
from kvlsp.model.keyvalues import KeyValues
from kvlsp.model.rotary import AngleTable, rotate
from kvlsp.prompt.layout import Layout, Run, lay_out
from kvlsp.tokens.document import TokenizedText
from kvlsp.tokens.published import Published


def layout_from_scratch(session: Session, caret: int) -> Layout:
    """The layout of the session's text, caret and window, with every token made anew from the text."""
    text = str(session.snapshot.text)
    encode = session.model.tokenizer.encode
    whole, prefix, suffix = encode(text), encode(text[:caret]).ids, encode(text[caret:], initial=caret == 0).ids
    first = int(np.searchsorted(whole.starts, caret))  # of the document's tokens, the first that starts at the caret
    left = common_head(prefix, whole.ids[:first])
    right = len(whole.ids) - common_head(suffix[::-1], whole.ids[first:][::-1])
    before = [prefix[start : min(end, left)] for start, end in session.window.spans if start < left]
    after = [whole.ids[max(start, right) : end] for start, end in session.window.spans if end > right]
    prefix = np.concatenate([*before, prefix[left:]])
    suffix = np.concatenate([suffix[: len(suffix) - (len(whole.ids) - right)], *after])
    serials = np.arange(len(prefix) + len(suffix), dtype=np.int64)
    return lay_out(
        session.model.template,
        Run(prefix, serials[: len(prefix)]),
        Run(suffix, serials[len(prefix) :]),
        session.placed.run,
    )


def token_mismatches(session: Session, caret: int) -> int:
    """How many of the two token sequences (document, resident by position) differ from the truth: 0, 1 or 2."""
    whole = session.model.tokenizer.encode(str(session.snapshot.text)).ids
    rows = session.cache.rows
    resident = rows.ids[np.argsort(rows.positions)]
    return int(not np.array_equal(whole, session.tokens.ids)) + int(
        not np.array_equal(resident, layout_from_scratch(session, caret).ids)
    )


def published_mismatches(tokens: TokenizedText, text: str, published: Published) -> int:
    """How many of ids and text differ from what the published tokenizer makes of ``text`` and what comes back of it: 0,
    1 or 2. Of a text that spells control tokens only what comes back is compared."""
    wanted = published.ids(text)
    plain, back = tokens.tokenizer.normalised(text), tokens.tokenizer.decode(tokens.ids)
    other_ids = wanted is not None and not np.array_equal(wanted, tokens.ids)
    return int(other_ids) + int(back not in (plain, " " + plain))  # some put a space before every text


def prefill(session: Session, layout: Layout, *, wanted: list[int], chunk: int = 256) -> ResidentCache:
    """A second cache with ``layout`` encoded from nothing."""
    cache = ResidentCache(session.model.decoder, limit=session.context)
    repair(cache, layout, wanted=wanted, chunk=chunk)
    return cache


def key_errors(cache: ResidentCache) -> tuple[float, float]:
    """Relative error of the resident keys, and that of one fresh rotation, both against a float64 rotation.

    Both are the largest over layers and rows of |key - exact| / |exact|. Raises nothing; (0, 0) when empty.
    """
    arrays = KeyValues.of(cache.arrays())
    slots = torch.from_numpy(cache.rows.slots)
    positions = torch.from_numpy(cache.rows.positions)
    if not len(slots):
        return 0.0, 0.0
    exact = exact_keys(cache)
    kept = [keys[:, slots].double() for keys in arrays.keys]
    cache.decoder.move(arrays, slots, positions)
    fresh = [keys[:, slots].double() for keys in arrays.keys]
    return _worst(kept, exact), _worst(fresh, exact)


def exact_keys(cache: ResidentCache) -> list[torch.Tensor]:
    """Per layer the resident keys as one float64 rotation of their truth gives them, (kv_heads, rows, width)."""
    arrays = KeyValues.of(cache.arrays())
    slots, positions = torch.from_numpy(cache.rows.slots), torch.from_numpy(cache.rows.positions)
    decoder: Any = cache.decoder  # its layers' rotations are no part of the seam
    kinds = getattr(decoder, "exact", decoder).kinds
    exact = []
    for layer, kind in enumerate(kinds):
        truth = arrays.truth[layer][:, slots].double()
        if kind.rotation is not None:
            table = AngleTable(kind.rotation, torch.float64, arrays.device, cache.decoder.context_length)
            table.reach(int(positions.max()) + 1)
            truth = rotate(truth, *table.at(positions), kind.rotation)
        exact.append(truth)
    return exact


def _worst(keys: list[torch.Tensor], exact: list[torch.Tensor]) -> float:
    return max(
        float(((a - b).norm(dim=-1) / b.norm(dim=-1).clamp_min(1e-30)).max())
        for a, b in zip(keys, exact, strict=True)
    )
