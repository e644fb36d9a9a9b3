"""What a model says at a point, from a cache in whatever state: teacher-forced logits, the next line, the keys."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
import numpy.typing as npt
import torch

from kvlsp.cache.choosing import SEAM, Choice
from kvlsp.cache.repair import repair
from kvlsp.cache.resident import ResidentCache
from kvlsp.laboratory.evaluation.edits_scripts import Probe
from kvlsp.model.keyvalues import KeyValues
from kvlsp.model.rows import EVERY, Branch, RowBatch
from kvlsp.prompt.layout import Layout
from kvlsp.tokens.tokenizer import Tokenizer

_BRANCH = Branch(1)
_LONGEST_LINE = 40
_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Said:
    """``logprobs`` (tokens, vocabulary) before each true token, float32; ``line`` the next line, decoded greedily.
    ``rows`` were encoded in ``seconds`` to get to the point."""

    logprobs: torch.Tensor
    line: str
    rows: int
    seconds: float

    @property
    def top(self) -> torch.Tensor:
        return self.logprobs.argmax(-1)


def ask(cache: ResidentCache, layout: Layout, probe: Probe, tokenizer: Tokenizer, *, choose: Choice | None = None,
        seam: int = SEAM, decode: bool = True) -> Said:
    """Make ``layout`` resident, force the true tokens and decode a line; leaves no rows of its own behind."""
    last = len(layout) - 1
    began = time.perf_counter()
    result = repair(cache, layout, wanted=[last], choose=choose, seam=seam)
    seconds = time.perf_counter() - began
    assert result.logits is not None
    scratch = _Scratch(cache, len(layout))
    try:
        forced = scratch.push(probe.ids[:-1].tolist())
        logits = torch.cat([result.logits, forced]).float()
        line = _line(scratch, logits, probe, tokenizer) if decode else ""
    finally:
        scratch.drop(0)
    return Said(logits.log_softmax(-1), line, result.encoded + result.repaired, seconds)


def next_name(cache: ResidentCache, layout: Layout, tokenizer: Tokenizer, longest: int = 12) -> str:
    """The identifier that greedy decoding continues ``layout`` with; "" if it begins with anything else."""
    result = repair(cache, layout, wanted=[len(layout) - 1])
    assert result.logits is not None
    scratch, ids = _Scratch(cache, len(layout)), [int(result.logits[0].argmax())]
    try:
        while True:
            text = tokenizer.decode(ids).lstrip(" ")
            name = _NAME.match(text)
            if text and (name is None or name.end() < len(text) or len(ids) == longest):
                return name.group() if name is not None else ""
            ids.append(int(scratch.push(ids[-1:])[-1].argmax()))
    finally:
        scratch.drop(0)


def divergence(truth: Said, said: Said) -> torch.Tensor:
    """KL(truth || said) of every position in nats, (tokens,) float64."""
    p, q = truth.logprobs.double(), said.logprobs.double()
    return (p.exp() * (p - q)).sum(-1).clamp_min(0)


def true_line(truth: str) -> str:
    """The line that a point asks for."""
    return next((line for line in truth.splitlines() if line.strip()), "").strip()


def similarity(said: str, truth: str) -> float:
    """Edit similarity of two lines, 0 to 100 (twice the matched characters over all)."""
    return 100 * SequenceMatcher(None, said, truth, autojunk=False).ratio()


def key_cosine(exact: ResidentCache, other: ResidentCache, cells: npt.NDArray[np.int64]) -> float:
    """Mean cosine between the rotated keys of two caches over all layers, heads and the rows named by ``cells``."""
    _, ours, theirs = np.intersect1d(exact.rows.cells, other.rows.cells, assume_unique=True, return_indices=True)
    chosen = np.isin(exact.rows.cells[ours], cells)
    if not chosen.any():
        return 1.0
    if not isinstance(exact.arrays(), KeyValues):
        return float("nan")  # keys that nobody can read
    one = torch.from_numpy(exact.rows.slots[ours[chosen]])
    two = torch.from_numpy(other.rows.slots[theirs[chosen]])
    similar = [
        torch.cosine_similarity(a[:, one].float(), b[:, two].float(), dim=-1).mean()
        for a, b in zip(KeyValues.of(exact.arrays()).keys, KeyValues.of(other.arrays()).keys, strict=True)
    ]
    return float(torch.stack(similar).mean())


def _line(scratch: _Scratch, logits: torch.Tensor, probe: Probe, tokenizer: Tokenizer) -> str:
    """The next line by greedy decoding; what agrees with the truth costs no forward of its own."""
    chosen = logits.argmax(-1).tolist()
    true = probe.ids.tolist()
    agreed = next((i for i, (a, b) in enumerate(zip(chosen, true, strict=True)) if a != b), len(true))
    ids = true[:agreed]
    scratch.drop(agreed)
    following = chosen[agreed] if agreed < len(true) else None
    while (line := _finished(tokenizer.decode(ids))) is None and following is not None and len(ids) < _LONGEST_LINE:
        ids.append(following)
        following = int(scratch.push([following])[-1].argmax())
    return line if line is not None else tokenizer.decode(ids).strip()


def _finished(text: str) -> str | None:
    """The first line with something on it, once it has ended."""
    head, ended, _ = text.lstrip().partition("\n")
    return head.strip() if ended and head.strip() else None


class _Scratch:
    """Rows behind a layout that only this module's branch sees."""

    def __init__(self, cache: ResidentCache, position: int) -> None:
        self._cache, self._position = cache, position
        self._slots: list[int] = []

    def push(self, ids: list[int]) -> torch.Tensor:
        """Encode ``ids`` behind what is there; logits (ids, vocabulary)."""
        slots = self._cache.take(len(ids), scratch=True)
        start = self._position + len(self._slots)
        self._slots += slots.tolist()
        return self._cache.decoder.forward(self._cache.arrays(), RowBatch(
            torch.tensor(ids, dtype=torch.int64), torch.arange(start, start + len(ids)), torch.from_numpy(slots),
            EVERY, _BRANCH,
        ))  # fmt: skip

    def drop(self, keep: int) -> None:
        """Give back all but the first ``keep`` rows."""
        gone = np.asarray(self._slots[keep:], np.int64)
        self._slots = self._slots[:keep]
        self._cache.give_back(gone)
