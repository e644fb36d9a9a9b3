"""A tiny decoder that writes letters and ends its lines: what random weights say, made presentable."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import torch

from kvlsp.model.rows import RowBatch
from kvlsp.opening.model import Model
from kvlsp.prompt.template import Order
from tests.support.byte_tokenizer import CONTROL
from tests.support.models import tiny_model

NEWLINE = len(CONTROL) + ord("\n")


class Writing:
    """Chooses among ``letters``; a line ends at every position that ``line`` divides (0: where the weights say).

    With one layer keys and values depend on tokens alone, so what it writes over an edited cache is what it writes over
    a fresh one. ``before`` is called ahead of every forward.
    """

    def __init__(self, layers: int, letters: bytes, line: int = 0) -> None:
        self._decoder = tiny_model(layers).decoder
        self._letters = torch.tensor([len(CONTROL) + byte for byte in letters])
        self._line = line
        self.before: Callable[[], None] = lambda: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    def forward(self, document: Any, rows: RowBatch) -> Any:
        self.before()
        logits = self._decoder.forward(document, rows)
        written = torch.full_like(logits, -100.0)
        written[:, self._letters] = logits[:, self._letters]
        if self._line:
            written[rows.positions[rows.wanted] % self._line == 0, NEWLINE] = 100.0
        return written


class Saying:
    """Says ``text`` behind whatever row its logits are first asked of, then token 0, the end: a model of one mind. With
    ``hesitates`` the first character has little more than half of the chance.

    Keys and values are a tiny decoder's, so rows are as real as ever.
    """

    def __init__(self, text: str, layers: int = 1, *, hesitates: bool = False) -> None:
        self._decoder = tiny_model(layers).decoder
        self._said = [*(len(CONTROL) + byte for byte in text.encode()), 0]
        self._first: int | None = None
        self._hesitates = hesitates

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    def forward(self, document: Any, rows: RowBatch) -> Any:
        said = torch.full_like(self._decoder.forward(document, rows), -100.0)
        for row, position in zip(said, rows.positions[rows.wanted].tolist(), strict=True):
            self._first = position if self._first is None else self._first
            row[self._said[min(position - self._first, len(self._said) - 1)]] = 0.0
            if self._hesitates and position == self._first:
                row[len(CONTROL) + ord("?")] = -0.2
        return said


def saying_model(text: str, *, hesitates: bool = False) -> Model:
    """:class:`Saying` with the byte tokenizer and a template that heals nothing; for one completion."""
    return dataclasses.replace(tiny_model(1, heals=False), decoder=Saying(text, hesitates=hesitates))


def writing_model(layers: int, letters: bytes, line: int = 0, *, order: Order = "suffix_first",
                  heals: bool = False) -> Model:
    """:class:`Writing` with the byte tokenizer and a template."""
    return dataclasses.replace(tiny_model(layers, order, heals=heals), decoder=Writing(layers, letters, line))
