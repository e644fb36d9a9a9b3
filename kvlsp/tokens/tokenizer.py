"""A model's tokenizer for document text, with the character at which each token starts.

Wraps the `tokenizers` library. Control tokens that a text spells are ordinary text, a lone surrogate
becomes U+FFFD, and nothing (no begin-of-text token) is added. What does not begin a document is encoded as
a *continuation*: without the dummy space that some tokenizers put before a text.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from kvlsp.errors import TokenizationError, TokenizerError
from kvlsp.tokens import definition, library
from kvlsp.tokens.boundaries import Boundaries, Nowhere
from kvlsp.tokens.control import named_in
from kvlsp.tokens.files import beside, rows_of, whole_file
from kvlsp.tokens.published import Published, check
from kvlsp.tokens.vocabulary import Vocabulary

Rule = Literal["A", "A+B", "SP", "SP+B", "whole"]
"""How an edit finds the ends of its window: at spaces after words (A), between characters that no vocabulary entry
joins (SP), or at pre-token starts where those are far (B); or not at all."""

CHUNK = 1 << 16
"""Characters encoded in one call of the library, where the text can be cut: bounds how long other threads
wait."""

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """Tokens of a text, in order."""

    ids: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]
    """Offset of the character with which the token starts; tokens that share a character share its offset."""
    words: npt.NDArray[np.bool_]
    """Whether the token starts a pre-token; all False when the tokenizer's rule does not need it."""


class Tokenizer:
    """Encodes and decodes; immutable after loading and safe to share."""

    def __init__(self, source: str, rows: int | None = None, named: Collection[str] = ()) -> None:
        found = definition.read(source, rows, named)
        published = Published(source, frozenset(found.control))
        model = published.model if found.model is None else library.with_model(found.model)
        self._continuation = library.assemble(model, *found.continuation, found.added)
        self._initial = self._continuation
        if found.initial != found.continuation:
            self._initial = library.assemble(model, *found.initial, found.added)
        self.kind: definition.Kind = found.kind
        self.control: Mapping[str, int] = MappingProxyType(found.control)
        """Control tokens by their text."""
        self.begin: tuple[int, ...] = tuple(one for one in published.begin if rows is None or one < rows)
        """What the published tokenizer puts before every text, as far as the model has a row for it."""
        self.source: Path | None = None
        """The file that it was read from."""
        self._vocabulary = Vocabulary(found)
        self.boundaries: Boundaries = found.boundaries
        self.reach = found.reach
        self.rule: Rule = self._rule(found.pairs_are_exact)
        try:
            if not self._boundaries_hold():
                self.rule, self.boundaries, self.reach = "whole", Nowhere(), None
            check(self, published)
        except TokenizationError as error:
            raise TokenizerError(
                "A pattern in the tokenizer file needs more attempts for a short line than its library makes: most "
                "documents could not be read with it. Fetch the model again or choose another."
            ) from error

    def _rule(self, exact: bool) -> Rule:
        if isinstance(self.boundaries, Nowhere) and self.reach is None:
            return "whole"
        if exact:
            return "SP" if self.reach is None else "SP+B"
        return "A" if self.reach is None else "A+B"

    @classmethod
    def load(cls, path: Path | str, rows: int | None = None) -> Tokenizer:
        """From a tokenizer.json or a folder that holds one; raises :class:`TokenizerError`.

        ``rows`` is how many rows the model's embedding has; where it is not given, what the config.json beside the
        file says. Tokens beyond are dropped if they are control tokens, the file is refused if they are not.
        """
        file = Path(path)
        if file.is_dir():
            file = file / "tokenizer.json"
        settings = beside(file, "tokenizer_config.json")
        made = cls(whole_file(file), rows_of(file) if rows is None else rows, named_in(settings))
        made.source = file
        return made

    @classmethod
    def from_json(cls, text: str) -> Tokenizer:
        """From the content of a tokenizer.json."""
        return cls(text)

    def published(self) -> Published | None:
        """The published tokenizer, read again; None for one that was made from no file."""
        return None if self.source is None else Published.load(self.source, self.control)

    @property
    def resumable(self) -> bool:
        """Whether tokenizing may begin at a pre-token's start."""
        return self.reach is not None

    # --- text to ids -------------------------------------------------------------------------------------

    def encode(self, text: str, *, initial: bool = True) -> Encoding:
        """Tokens of ``text``; ``initial`` says that it begins a document rather than continuing one."""
        text = readable(text)
        pieces: list[Encoding] = []
        start = 0
        while True:
            end = self._end_of_chunk(text, start)
            pieces.append(self._encode_piece(text[start:end], start, initial and start == 0))
            if end == len(text):
                break
            start = end
        if len(pieces) == 1:
            return pieces[0]
        return Encoding(
            np.concatenate([piece.ids for piece in pieces]),
            np.concatenate([piece.starts for piece in pieces]),
            np.concatenate([piece.words for piece in pieces]),
        )

    def _end_of_chunk(self, text: str, start: int) -> int:
        """A hard boundary about a chunk further on, or the text's end."""
        low = start + CHUNK
        size = 1024
        while low < len(text):
            place = self.boundaries.first(text[low : low + size])
            if place:
                return low + place
            low += size - 1
            size *= 2
        return len(text)

    def _encode_piece(self, text: str, base: int, initial: bool) -> Encoding:
        found = library.encoded(self._initial if initial else self._continuation, text)
        ids = np.array(found.ids, dtype=np.int32)
        starts = np.array(found.offsets, dtype=np.int64).reshape(-1, 2)[:, 0] + base
        words = np.zeros(len(ids), dtype=np.bool_)
        if self.resumable and len(ids):
            numbers = np.array(found.word_ids, dtype=np.int64)
            words[0] = True
            np.not_equal(numbers[1:], numbers[:-1], out=words[1:])
        # a normaliser may reorder combining marks: a token starts no earlier than the one before it
        return Encoding(ids, np.maximum.accumulate(starts), words)

    # --- ids to text -------------------------------------------------------------------------------------

    def token_bytes(self, number: int) -> bytes:
        """The UTF-8 bytes that a token adds to a text; none for control tokens and unknown ids."""
        return self._vocabulary.bytes_of(number)

    def begins_character(self, number: int) -> bool:
        """Whether a token's first byte is the first of a character."""
        first = self.token_bytes(number)[:1]
        return bool(first) and first[0] & 0xC0 != 0x80

    def piece(self, number: int) -> str:
        """A token's text as well as it can be shown alone; a control token's name."""
        return self._vocabulary.piece(number)

    def decode(self, ids: Iterable[int] | npt.NDArray[np.int32]) -> str:
        """The text of document tokens: what was encoded, after the tokenizer's normalisation.

        Nothing is stripped: a text encoded with a dummy space comes back with it.
        """
        numbers = ids.tolist() if isinstance(ids, np.ndarray) else ids
        return b"".join(map(self.token_bytes, numbers)).decode("utf-8", "replace")

    def normalised(self, text: str) -> str:
        """What a continuing text comes back as: as its normaliser leaves it, spaces as spaces."""
        normalizer = self._continuation.normalizer
        plain = text if normalizer is None else str(normalizer.normalize_str(readable(text)))
        return plain if self.kind == "byte-level" else plain.replace(definition.SPACE_MARK, " ")

    # --- vocabulary --------------------------------------------------------------------------------------

    @property
    def vocabulary_size(self) -> int:
        """One more than the greatest id."""
        return self._vocabulary.size

    @property
    def end_of_text(self) -> frozenset[int]:
        """Ids after which a generation is over, by the names that families give them."""
        return self._vocabulary.end_of_text

    def starting_with(self, text: str) -> npt.NDArray[np.int32]:
        """Ids, ascending, whose text begins with ``text`` or is a proper beginning of it: what may follow
        when the tokens that spell ``text`` are taken back (token healing)."""
        return self._vocabulary.starting_with(readable(text))

    # --- trust, but verify -------------------------------------------------------------------------------

    def _boundaries_hold(self) -> bool:
        """Try the boundaries on random text; a tokenizer that breaks them is tokenized as a whole at every
        edit."""
        rng = random.Random(0)
        for _ in range(120):
            text = "".join(rng.choice(_TRIALS) for _ in range(rng.randrange(2, 9)))
            place = self.boundaries.first(text) if rng.random() < 0.5 else self.boundaries.last(text)
            if place:
                whole = library.encoded(self._initial, text).ids
                left = library.encoded(self._initial, text[:place]).ids
                if whole != left + library.encoded(self._continuation, text[place:]).ids:
                    return False
        return True


_TRIALS = (
    "a", "foo", "Bar", "1", "2024", " ", "  ", "    ", "\t", "\n", "\n\n", "\r\n",
    "\r", "_", ".", "(", "):", "'s", "\"", "é", "e\u0301", "漢字", "😀", "\u00a0",
    "\u2028", "\x0c", "\u2581", "<|", "//", "self", "return ", " = ", "#", "$x",
)  # fmt: skip


def readable(text: str) -> str:
    """The text with U+FFFD for lone surrogates, which no tokenizer takes; its length stays."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
