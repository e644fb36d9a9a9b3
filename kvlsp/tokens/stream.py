"""Text of generated tokens as they come: a character is shown once all its bytes are there.

Byte-level tokens may end inside a character; what is incomplete is held back.
"""

from __future__ import annotations

import codecs

from kvlsp.tokens.tokenizer import Tokenizer


class TextStream:
    """Turns ids into text one by one. Bytes that can never become a character are shown as U+FFFD."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, number: int) -> str:
        """The text that is complete with this id; empty for control tokens and inside a character."""
        return self._decoder.decode(self._tokenizer.token_bytes(number))

    @property
    def incomplete(self) -> bool:
        """Whether bytes of an unfinished character are held back."""
        return bool(self._decoder.getstate()[0])

    def finish(self) -> str:
        """U+FFFD for what is held back, if anything; the stream can be used anew afterwards."""
        rest = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return rest
