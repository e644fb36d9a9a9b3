"""The tokenizer as its makers published it, to compare kvlsp's with.

kvlsp takes a tokenizer apart: control tokens out, text-initial rules off. Whatever is left must give the very ids that
the model was trained on, and the text must come back from them. That is checked at load on :data:`PROBES`, and by
``kvlsp replay`` on real edits.
"""

from __future__ import annotations

import string
from collections.abc import Collection
from pathlib import Path
from typing import Protocol
from unicodedata import normalize

import numpy as np
import numpy.typing as npt

from kvlsp.errors import TokenizerError
from kvlsp.tokens import library
from kvlsp.tokens.files import whole_file

PROBES = (
    "def add(left, right):\n    return left + right  # sum\n\n\n\nclass Größe:\n\tname = 'straße'\r\n",
    "for (let i = 0; i < MaxSize; i += 12345) { a[i]->b::c(\"x\\n\"); }\n\n        deep()\n                deeper()\n",
    "<b>bold</b> <table><tr><td>1</td></tr></table> &amp; <div class=\"x\">&nbsp;</div>\t\t\t\tend",
    "ü ö ä ÿ þ Á À é ñ ß İ ½ ² № … — “quote” «x»",
    "漢字かな交じり文、テスト。 한국어 문장 русский текст ελληνικά עברית عربي हिन्दी ไทย",
    "😀👩\u200d💻🇩🇪 \u00a0\u3000\u2028 1234567890 3.14e-10 0xFFee 'LL we'll IT'S ABCdef XMLHttp",
    " " * 40 + "x" + "\n" * 40 + "\t" * 40 + "y" + " \n" * 9,
)
"""Text in many scripts, with what tokenizers treat in their own ways."""

_RUNS = tuple(character * 64 for character in string.printable) + tuple(
    pair * 32 for pair in ("ab", "aA", "Aa", "a1", "1a", "a ", " a", ". ", "--", "()", "a\n", "\n ", "é1", "漢a")
)
"""Runs on which a pattern that tries everything would never end."""


class Made(Protocol):
    """What is compared: kvlsp's tokenizer."""

    def encode(self, text: str, *, initial: bool = True) -> Encoded: ...

    def decode(self, ids: npt.NDArray[np.int32]) -> str: ...

    def normalised(self, text: str) -> str: ...


class Encoded(Protocol):
    """Ids of a text."""

    @property
    def ids(self) -> npt.NDArray[np.int32]: ...


class Published:
    """The tokenizer of a file as it is. ``control`` are the texts that kvlsp takes for ordinary ones."""

    def __init__(self, source: str, control: Collection[str] = ()) -> None:
        self._backend = library.parse(source)
        self._backend.no_padding()
        self._backend.no_truncation()
        self._control = tuple(control)

    @classmethod
    def load(cls, path: Path, control: Collection[str] = ()) -> Published:
        """From a tokenizer.json; raises :class:`TokenizerError`."""
        return cls(whole_file(path), control)

    @property
    def model(self) -> object:
        """The library's model, for others to share."""
        return self._backend.model

    @property
    def begin(self) -> tuple[int, ...]:
        """Ids that it puts before every text."""
        plain = library.encoded(self._backend, "a").ids
        whole = library.guarded(lambda: self._backend.encode("a", add_special_tokens=True)).ids
        for start in range(len(whole) - len(plain) + 1):
            if whole[start : start + len(plain)] == plain:
                return tuple(whole[:start])
        return ()

    def ids(self, text: str) -> npt.NDArray[np.int32] | None:
        """Ids of a text that begins a document; None for a text that spells control tokens, which kvlsp reads
        otherwise on purpose."""
        if any(name in text for name in self._control):
            return None
        return np.array(library.encoded(self._backend, text).ids, dtype=np.int32)


def check(made: Made, published: Published) -> None:
    """Raise :class:`TokenizerError` where the ids of a probe are not the published ones or lose text, and
    :class:`~kvlsp.errors.TokenizationError` where the tokenizer gives up."""
    for text in PROBES:
        wanted = published.ids(text)
        if wanted is not None and not np.array_equal(made.encode(text).ids, wanted):
            raise TokenizerError(
                "kvlsp would cut text into other tokens than the model was trained on: its tokenizer file asks for "
                "something that kvlsp does not know. Choose another model."
            )
        back = made.decode(made.encode(text, initial=False).ids)
        # a normaliser may write a character otherwise, but letters, their case, accents and blanks are of a program
        if back != made.normalised(text) or normalize("NFKC", back) != normalize("NFKC", text):
            raise TokenizerError(
                "The tokenizer loses text: what it makes of a line does not come back. Choose another model."
            )
    for text in _RUNS:
        made.encode(text)
