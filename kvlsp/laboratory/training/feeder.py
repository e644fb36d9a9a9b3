"""Batches for the training loop, made in this process or ahead of time in several.

A lane is a stream of rows of its own (own seed, own cursor); a batch takes its rows from all lanes in turn.
With one lane rows are made when asked for: a tenth of a millisecond each. A fast GPU needs more lanes, each
in a process of its own, and the next batch of a phase is begun when one is handed out. What is trained on
depends on the number of lanes, not on how fast they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kvlsp.laboratory.training.corpus import SourceFile, load_corpus
from kvlsp.laboratory.training.examples import Cursor, ExampleStream, Row
from kvlsp.laboratory.training.piecemeal import Unseen
from kvlsp.laboratory.training.presets import Phase
from kvlsp.laboratory.training.vocabulary import Vocabulary


@dataclass(frozen=True)
class Batch:
    """Rows of one phase: ``ids`` and ``weights``, each (rows, length + 1), and for each row what it does not see."""

    ids: NDArray[np.int64]
    weights: NDArray[np.float32]
    unseen: tuple[tuple[Unseen, ...], ...]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Batch:
        return cls(
            np.stack([row.ids for row in rows]),
            np.stack([row.weights for row in rows]),
            tuple(row.unseen for row in rows),
        )

    @classmethod
    def joined(cls, parts: Sequence[Batch]) -> Batch:
        return cls(
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.weights for part in parts]),
            tuple(unseen for part in parts for unseen in part.unseen),
        )


class Lane:
    """The rows of one lane, for every phase."""

    def __init__(
        self, files: Sequence[SourceFile], vocabulary: Vocabulary, phases: Sequence[Phase], seed: str, weight: float
    ) -> None:
        self._streams = [ExampleStream(files, vocabulary, phase.length, seed, weight) for phase in phases]

    def rows(self, phase: int, count: int, cursor: Cursor) -> tuple[Batch, Cursor]:
        """`count` rows of the phase from `cursor`, and the cursor after them."""
        made = []
        for _ in range(count):
            row, cursor = self._streams[phase].row(cursor)
            made.append(row)
        return Batch.of(made), cursor


class Feeder:
    """Batches of `phases`, from `lanes` lanes; a context manager that ends its processes."""

    def __init__(
        self,
        corpus_path: Path,
        vocabulary_path: Path,
        phases: Sequence[Phase],
        seed: int,
        middle_weight: float,
        lanes: int = 1,
    ) -> None:
        self._phases = phases
        self._lanes = lanes
        arguments = (corpus_path, vocabulary_path, tuple(phases), seed, middle_weight)
        self._own: Lane | None = None
        self._pool: ProcessPoolExecutor | None = None
        if lanes == 1:
            files, vocabulary = load_corpus(corpus_path, ["train"]).train, Vocabulary.load(vocabulary_path)
            self._own = _Process(files, vocabulary, phases, seed, middle_weight).lane(0)
        else:
            # started afresh: a fork would copy the threads' locks and the GPU's context
            self._pool = ProcessPoolExecutor(lanes, get_context("spawn"), _start, arguments)
        self._ahead: dict[int, list[Future[tuple[Batch, Cursor]]]] = {}

    def __enter__(self) -> Feeder:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def first(self) -> list[list[Cursor]]:
        """The cursors of a new training."""
        return [[Cursor()] * self._lanes for _ in self._phases]

    def batch(self, phase: int, cursors: Sequence[Cursor]) -> tuple[Batch, list[Cursor]]:
        """The next batch of the phase, and its cursors after it.

        `cursors` must be those that the phase's batch before this one returned.
        """
        if self._own is not None:
            batch, cursor = self._own.rows(phase, self._phases[phase].rows, cursors[0])
            return batch, [cursor]
        found = [future.result() for future in self._ahead.pop(phase, None) or self._begin(phase, cursors)]
        after = [*(cursor for _, cursor in found), *cursors[len(found) :]]
        self._ahead[phase] = self._begin(phase, after)
        return Batch.joined([batch for batch, _ in found]), after

    def _begin(self, phase: int, cursors: Sequence[Cursor]) -> list[Future[tuple[Batch, Cursor]]]:
        assert self._pool is not None
        rows, lanes = self._phases[phase].rows, self._lanes
        counts = [rows // lanes + (lane < rows % lanes) for lane in range(lanes)]
        return [
            self._pool.submit(_rows, lane, phase, counts[lane], cursors[lane]) for lane in range(lanes) if counts[lane]
        ]


@dataclass
class _Process:
    """What a process of the pool keeps. Any process may be asked for any lane: rows depend on its seed
    alone.
    """

    files: Sequence[SourceFile]
    vocabulary: Vocabulary
    phases: Sequence[Phase]
    seed: int
    weight: float
    lanes: dict[int, Lane] = field(default_factory=dict)

    def lane(self, number: int) -> Lane:
        if number not in self.lanes:
            seed = f"{self.seed}.{number}" if number else str(self.seed)
            self.lanes[number] = Lane(self.files, self.vocabulary, self.phases, seed, self.weight)
        return self.lanes[number]


_process: _Process | None = None


def _start(corpus: Path, vocabulary: Path, phases: Sequence[Phase], seed: int, weight: float) -> None:
    global _process
    _process = _Process(load_corpus(corpus, ["train"]).train, Vocabulary.load(vocabulary), phases, seed, weight)


def _rows(lane: int, phase: int, count: int, cursor: Cursor) -> tuple[Batch, Cursor]:
    assert _process is not None, "the pool starts its processes with _start"
    return _process.lane(lane).rows(phase, count, cursor)
