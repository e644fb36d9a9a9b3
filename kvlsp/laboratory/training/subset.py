"""A smaller corpus out of a larger one, for a machine that only so much can be carried to.

Every package gives its share, so what is left is as mixed as the whole; files of one package stay together, since rows
with several files need them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from kvlsp.laboratory.training.corpus import Corpus, SourceFile

#: Of the held-out files, so many characters at most: they only measure.
HELD_OUT_CHARACTERS = 2_000_000


def subset(corpus: Corpus, characters: int) -> Corpus:
    """The corpus with at most ``characters`` of training text: each package up to one cap, its best files first."""
    packages: dict[str, list[SourceFile]] = defaultdict(list)
    for file in corpus.train:
        packages[file.package].append(file)
    cap = _cap([sum(len(file.text) for file in files) for files in packages.values()], characters)
    kept: set[str] = set()
    for files in packages.values():
        left = cap
        for file in sorted(files, key=lambda file: -file.quality):
            if len(file.text) <= left:
                left -= len(file.text)
                kept.add(file.path)
    train = tuple(file for file in corpus.train if file.path in kept)
    names = {file.package for file in train}
    held_out, left = [], HELD_OUT_CHARACTERS
    for file in corpus.held_out[:: max(1, sum(len(file.text) for file in corpus.held_out) // HELD_OUT_CHARACTERS)]:
        left -= len(file.text)
        held_out += [file] if left >= 0 else []
    licences = {name: licence for name, licence in corpus.licences.items() if name in names}
    return replace(corpus, train=train, held_out=tuple(held_out), licences=licences)


def _cap(sizes: list[int], characters: int) -> int:
    """The largest cap under which sizes add up to ``characters`` at most."""
    left, remaining = characters, sorted(sizes)
    for number, size in enumerate(remaining):
        share = left // (len(remaining) - number)
        if size > share:
            return share
        left -= size
    return max(remaining, default=0)
