"""The entries of a model's vocabulary: which bytes each token adds to a text, and which tokens begin with a text."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from kvlsp.tokens import definition

END_OF_TEXT = (
    "<|endoftext|>", "</s>", "<|end_of_text|>", "<eos>", "<|im_end|>", "<|eot_id|>",
    "<EOT>", "<|EOT|>", "\u2581<EOT>", "<|eom_id|>", "<end_of_turn>", "<|return|>",
    "<\uff5cend\u2581of\u2581sentence\uff5c>", "[EOS]", "<|end|>", "<|endofmask|>",
    "<EOS_TOKEN>", "<|END_OF_TURN_TOKEN|>",
)  # fmt: skip
"""Names under which families write the token that ends a text."""


class Vocabulary:
    """Immutable; its tables are made when they are first asked for."""

    def __init__(self, found: definition.Definition) -> None:
        self._definition = found
        self._names = {number: name for name, number in found.control.items()}
        self.starting_with = lru_cache(maxsize=1024)(self._find_starting_with)
        """Ids int32, ascending, whose text begins with a text or is a proper beginning of it."""

    @cached_property
    def size(self) -> int:
        """One more than the greatest id."""
        found = self._definition
        numbers = (*found.vocabulary.values(), *found.control.values(), *(one["id"] for one in found.added))
        return max(numbers, default=-1) + 1

    @cached_property
    def end_of_text(self) -> frozenset[int]:
        """Ids after which a generation is over, by the names that families give them."""
        control = self._definition.control
        return frozenset(control[name] for name in END_OF_TEXT if name in control)

    def bytes_of(self, number: int) -> bytes:
        """The UTF-8 bytes that a token adds to a text; none for control tokens and unknown ids."""
        return self._bytes[number] if 0 <= number < len(self._bytes) else b""

    def piece(self, number: int) -> str:
        """A token's text as well as it can be shown alone; a control token's name."""
        return self._names.get(number) or self.bytes_of(number).decode("utf-8", "replace")

    @cached_property
    def _bytes(self) -> list[bytes]:
        """The bytes of each id; control tokens and holes in the vocabulary have none."""
        found = self._definition
        table = [b""] * self.size
        if found.kind == "byte-level":
            alphabet = _byte_level_alphabet()
            for entry, number in found.vocabulary.items():
                try:
                    table[number] = bytes(alphabet[character] for character in entry)
                except KeyError:  # an entry that no text becomes
                    table[number] = entry.encode("utf-8")
        else:
            for entry, number in found.vocabulary.items():
                byte = definition.byte_of(entry)
                plain = entry.replace(definition.SPACE_MARK, " ")
                table[number] = plain.encode("utf-8") if byte is None else bytes([byte])
        for added in found.added:
            written = str(added["content"])
            plain = written if found.kind == "byte-level" else written.replace(definition.SPACE_MARK, " ")
            table[added["id"]] = plain.encode("utf-8")
        for number in found.control.values():
            table[number] = b""
        return table

    @cached_property
    def _by_bytes(self) -> tuple[list[bytes], list[int]]:
        pairs = sorted((piece, number) for number, piece in enumerate(self._bytes) if piece)
        return [piece for piece, _ in pairs], [number for _, number in pairs]

    def _find_starting_with(self, text: str) -> npt.NDArray[np.int32]:
        wanted = text.encode("utf-8")
        pieces, numbers = self._by_bytes
        low = bisect_left(pieces, wanted)
        high = low + sum(1 for _ in _while_prefixed(pieces, low, wanted))
        found = numbers[low:high]
        for length in range(1, len(wanted)):
            place = bisect_left(pieces, wanted[:length])
            while place < len(pieces) and pieces[place] == wanted[:length]:
                found.append(numbers[place])
                place += 1
        result = np.array(sorted(found), dtype=np.int32)
        result.flags.writeable = False
        return result


def _while_prefixed(pieces: list[bytes], low: int, prefix: bytes) -> Iterable[bytes]:
    while low < len(pieces) and pieces[low].startswith(prefix):
        yield pieces[low]
        low += 1


def _byte_level_alphabet() -> dict[str, int]:
    """The character that byte-level vocabularies write for each byte: printable Latin-1 characters stand for
    themselves, the other bytes for the characters from U+0100 on (GPT-2)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = {chr(byte): byte for byte in printable}
    others = (byte for byte in range(256) if chr(byte) not in alphabet)
    return alphabet | {chr(0x100 + index): byte for index, byte in enumerate(others)}
