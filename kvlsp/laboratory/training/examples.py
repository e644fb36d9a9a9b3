"""Rows of token ids to train on: plain documents and fill-in-the-middle in both orders.

Prefix-first is `PRE prefix SUF suffix MID middle END`; suffix-first is `PRE SUF suffix MID prefix middle
END`. The three parts are tokenized apart, as a completion server does, so the caret falls inside what would
be one token. A row is a pure function of (seed, epoch, index): a training resumes from two integers.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np
from numpy.typing import NDArray

from kvlsp.laboratory.training.corpus import SourceFile
from kvlsp.laboratory.training.definitions import Definitions, definition
from kvlsp.laboratory.training.middles import draw_middle, draw_recent_edit
from kvlsp.laboratory.training.parts import cut_into_parts
from kvlsp.laboratory.training.piecemeal import APART_SHARE, Unseen, before_pieces, history, pieces_apart
from kvlsp.laboratory.training.vocabulary import END, FILE, MIDDLE, PAD, PREFIX, REPOSITORY, SUFFIX, Vocabulary

PLAIN_SHARE = 0.25
#: ... in rows longer than 2,048 tokens: far context is learned from whole files.
LONG_PLAIN_SHARE = 0.5
SUFFIX_FIRST_SHARE = 0.67
REPOSITORY_SHARE = 0.35
#: ... of which so many show definitions that the document uses; the others show any part of any file.
USED_SHARE = 0.75
MOST_USED = 6
RECENT_EDIT_SHARE = 0.08
#: Pieces that become documents of one function each, as in a scratch file or a notebook's cell.
FUNCTION_SHARE = 0.7
#: ... in rows longer than 2,048 tokens, which are there for long documents, and behind pieces of other files.
LONG_FUNCTION_SHARE = 0.3
#: Characters a row of one token is filled from; a little more than the vocabulary packs into one.
CHARACTERS_PER_TOKEN = 3.6
#: A row with less room than this is padded.
SMALLEST_ROOM = 48


@dataclass(frozen=True)
class Example:
    """Token ids and, for each, the weight of predicting it; ``unseen`` counts rows from the first of ``ids`` on.

    ``texts`` are the row ranges of text before ``hole``, the row from which on the completion stands.
    """

    ids: list[int]
    weights: list[float]
    texts: tuple[tuple[int, int], ...] = ()
    hole: int = 0
    suffix_first: bool = False
    unseen: tuple[Unseen, ...] = ()


@dataclass(frozen=True)
class Row:
    """``ids`` (length + 1,), ``weights`` (length + 1,) of predicting them, and which rows do not see which."""

    ids: NDArray[np.int64]
    weights: NDArray[np.float32]
    unseen: tuple[Unseen, ...]


@dataclass(frozen=True)
class Cursor:
    """Where the stream of pieces stands."""

    epoch: int = 0
    index: int = 0


def fill_in_the_middle(
    prefix: list[int], middle: list[int], suffix: list[int], suffix_first: bool, middle_weight: float
) -> Example:
    """One example in either order. What comes before the middle weighs 1."""
    if suffix_first:
        before = [PREFIX, SUFFIX, *suffix, MIDDLE, *prefix]
        starts = (2, len(suffix)), (3 + len(suffix), len(prefix))
    else:
        before = [PREFIX, *prefix, SUFFIX, *suffix, MIDDLE]
        starts = (1, len(prefix)), (2 + len(prefix), len(suffix))
    return Example(
        [*before, *middle, END],
        [1.0] * len(before) + [middle_weight] * (len(middle) + 1),
        tuple((start, start + count) for start, count in starts),
        len(before),
        suffix_first,
    )


def fitted(prefix: list[int], suffix: list[int], room: int) -> tuple[list[int], list[int]]:
    """The prefix's end and the suffix's start, together at most `room` tokens, halves where both are long."""
    keep_suffix = min(len(suffix), max(room // 2, room - len(prefix)))
    keep_prefix = min(len(prefix), room - keep_suffix)
    return prefix[len(prefix) - keep_prefix :], suffix[:keep_suffix]


class ExampleStream:
    """Endless rows of `length + 1` tokens from a corpus, an epoch a shuffle of pieces of its files."""

    def __init__(
        self,
        files: Sequence[SourceFile],
        vocabulary: Vocabulary,
        length: int,
        seed: str,
        middle_weight: float,
    ) -> None:
        self._files = files
        self._vocabulary = vocabulary
        self._length = length
        self._functions = FUNCTION_SHARE if length <= 2048 else LONG_FUNCTION_SHARE
        self._plain = PLAIN_SHARE if length <= 2048 else LONG_PLAIN_SHARE
        self._seed = seed
        self._middle_weight = middle_weight
        self._of_package: dict[str, list[int]] = {}
        for i, file in enumerate(files):
            self._of_package.setdefault(file.package, []).append(i)
        self._definitions: dict[str, Definitions] = {}
        self._epoch = -1
        self._pieces: list[tuple[int, int, int]] = []

    def row(self, cursor: Cursor) -> tuple[Row, Cursor]:
        """The row at ``cursor``, and the cursor after it."""
        random = Random(f"{self._seed}/{self._length}/{cursor.epoch}/{cursor.index}")
        ids: list[int] = []
        weights: list[float] = []
        unseen: list[Unseen] = []
        size = self._length + 1
        together = random.random() < REPOSITORY_SHARE
        while size - len(ids) >= SMALLEST_ROOM:
            file, start, end, cursor = self._next_piece(cursor)
            if together and not ids:
                examples = self._repository(file, start, end, size, random)
            else:
                examples = [
                    replace(example, unseen=tuple(history(example.texts, example.hole, example.suffix_first, random)))
                    for example in self._documents(file, start, end, size - len(ids), random, self._functions)
                ]
            for example in examples:
                room = size - len(ids)
                if room < SMALLEST_ROOM and ids:
                    break
                unseen += [one.moved(len(ids)) for one in example.unseen]
                ids += example.ids[:room]
                weights += example.weights[:room]
        missing = size - len(ids)
        return (
            Row(
                np.array(ids + [PAD] * missing, dtype=np.int64),
                np.array(weights + [0.0] * missing, dtype=np.float32),
                tuple(unseen),
            ),
            cursor,
        )

    def _next_piece(self, cursor: Cursor) -> tuple[SourceFile, int, int, Cursor]:
        if cursor.epoch != self._epoch:
            self._pieces = self._shuffled(cursor.epoch)
            self._epoch = cursor.epoch
        number, start, end = self._pieces[cursor.index]
        after = Cursor(cursor.epoch, cursor.index + 1)
        if after.index == len(self._pieces):
            after = Cursor(cursor.epoch + 1, 0)
        return self._files[number], start, end, after

    def _shuffled(self, epoch: int) -> list[tuple[int, int, int]]:
        """(file, start, end) of pieces that fill about one row each, cut at line starts, other cuts each
        epoch.
        """
        random = Random(f"{self._seed}/{self._length}/{epoch}/pieces")
        most = int(self._length * CHARACTERS_PER_TOKEN)
        pieces = []
        for number, file in enumerate(self._files):
            text = file.text
            start = 0
            size = random.randint(most // 2, most)
            while start < len(text):
                end = text.rfind("\n", start, start + size) + 1 if start + size < len(text) else len(text)
                end = end if end > start else min(len(text), start + size)
                if end - start >= 200:
                    pieces.append((number, start, end))
                start, size = end, most
        random.shuffle(pieces)
        return pieces

    def _documents(
        self,
        file: SourceFile,
        start: int,
        end: int,
        room: int,
        random: Random,
        functions: float,
        names: Collection[str] = (),
    ) -> list[Example]:
        """The piece as one plain document, or as one or several with a hole each; holes with ``names`` come first."""
        text = file.text[start:end]
        if random.random() < self._plain:
            ids = self._vocabulary.encode(text)
            if end == len(file.text):
                ids.append(END)
            size = min(len(ids), room)
            return [Example(ids, [1.0] * len(ids), ((0, size),), random.randint(size // 4, size))]
        examples = []
        parts = cut_into_parts(text, file.path, random, functions)
        if names:
            parts.sort(key=lambda part: not any(name in part for name in names))
        for part in parts:
            if room < SMALLEST_ROOM:
                break
            example = self._with_hole(part, room, random, names)
            room -= len(example.ids)
            examples.append(example)
        return examples

    def _with_hole(self, text: str, room: int, random: Random, names: Collection[str] = ()) -> Example:
        if not text.strip():
            text = "x = 1\n"
        start, end = draw_middle(text, random, names)
        prefix, middle, suffix = text[:start], text[start:end], text[end:]
        if random.random() < RECENT_EDIT_SHARE:
            if random.random() < 0.5 and prefix:
                prefix = draw_recent_edit(prefix, random)
            elif suffix:
                suffix = draw_recent_edit(suffix, random)
        encode = self._vocabulary.encode
        middle_ids = encode(middle)[: room // 2]
        before, after = fitted(encode(prefix), encode(suffix), room - len(middle_ids) - 4)
        return fill_in_the_middle(before, middle_ids, after, random.random() < SUFFIX_FIRST_SHARE, self._middle_weight)

    def _repository(self, file: SourceFile, start: int, end: int, room: int, random: Random) -> list[Example]:
        """Pieces of other files of the package, then the piece with its path: REPO name FILE path text ...

        Most show definitions that the piece uses, and leave holes where it does: what stands in another file is
        worth reading only if it is needed.
        """
        encode = self._vocabulary.encode
        ids = [REPOSITORY, *encode(file.package)]
        limit = int(room * random.uniform(0.3, 0.75))
        shown: list[tuple[str, str, str]] = []
        if random.random() < USED_SHARE:
            used = self._defined(file.package).used_by(file.text[start:end], file)
            for name in random.sample(list(used), min(len(used), random.randint(1, MOST_USED))):
                other, at = used[name]
                shown.append((name, other.path, definition(other.text, at)))
        others = random.randint(0, 2) if shown else 8
        shown += [("", *part) for part in self._any_parts(file, others, int(limit * CHARACTERS_PER_TOKEN), random)]
        if any(name for name, _, _ in shown):
            random.shuffle(shown)
        names, starts = [], []
        for name, path, text in shown:
            if len(ids) >= limit:
                break
            starts.append(len(ids))
            ids += [FILE, *encode(path + "\n" + text)]
            names += [name] if name else []
        ids = ids[:limit]
        pieces = (starts[0] if starts else len(ids), len(ids))
        ids = [*ids, FILE, *encode(file.path + "\n")]
        documents = self._documents(file, start, end, room - len(ids), random, LONG_FUNCTION_SHARE, names)
        if random.random() >= APART_SHARE:
            return [Example(ids, [1.0] * len(ids)), *documents]
        examples = [Example(ids, [1.0] * len(ids), unseen=tuple(pieces_apart(pieces[0], starts, pieces[1])))]
        first = len(ids)
        for document in documents:
            missed = before_pieces(first, first + document.hole, pieces, random)
            examples.append(replace(document, unseen=tuple(one.moved(-first) for one in missed)))
            first += len(document.ids)
        return examples

    def _any_parts(self, file: SourceFile, count: int, longest: int, random: Random) -> list[tuple[str, str]]:
        """Path and text of up to ``count`` parts of other files of the package, as they come."""
        parts = []
        numbers = self._of_package[file.package]
        for _ in range(count):
            other = self._files[random.choice(numbers)]
            if other is file:
                continue
            most = int(math.exp(random.uniform(math.log(300), math.log(longest))))
            begin = 0
            if len(other.text) > most:
                begin = other.text.find("\n", random.randrange(len(other.text) - most)) + 1
            parts.append((other.path, other.text[begin : begin + most]))
        return parts

    def _defined(self, package: str) -> Definitions:
        if package not in self._definitions:
            self._definitions[package] = Definitions(self._files, self._of_package[package])
        return self._definitions[package]
