"""What of a document is not certainly tokenized as the whole text would be, and the work that makes it certain.

A run without any place to stop (a megabyte of digits in groups of three, of blanks, of one letter) would have to be
tokenized again to its end at every key. Where that is too much the window of an edit ends at some token's start: the
tokens spell the text, but others might stand there. That stretch is remembered here as a range of offsets, and made
right later, piece by piece. Outside of it tokens are those of the whole text but for what the stretch changes.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from kvlsp.errors import KvlspError
from kvlsp.text.edit import Edit
from kvlsp.tokens.tokenizer import Encoding

PATIENCE = 0.01
"""Seconds that one step waits for a piece that another thread encodes."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Characters [start, end)."""

    start: int
    end: int

    def moved(self, edit: Edit) -> Doubt:
        """The same characters, and what replaces them, in the text after an edit."""
        new_end = edit.start + len(edit.text)
        start = self.start if self.start <= edit.start else max(self.start + edit.delta, edit.start)
        end = self.end if self.end <= edit.start else max(self.end + edit.delta, new_end)
        return Doubt(start, max(start, end))

    def touches(self, start: int, end: int) -> bool:
        """Whether [start, end) lies at or in these characters."""
        return self.start <= end and start <= self.end

    def joined(self, other: Doubt) -> Doubt:
        """One range that holds both."""
        return Doubt(min(self.start, other.start), max(self.end, other.end))


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters [start, stop) encoded as a text of their own."""

    start: int
    stop: int


class Beside:
    """Encodes one long piece after the other on a thread of its own: the library lets other threads run meanwhile."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._piece: Piece | None = None
        self._answers: queue.SimpleQueue[Encoding | KvlspError] = queue.SimpleQueue()

    def forget(self) -> None:
        """What is being encoded is of a text that is no more."""
        self._piece = None

    def encoded(self, piece: Piece, encode: Callable[[], Encoding]) -> Encoding | None:
        """The encoding of ``piece``, once it is there; None after waiting a moment for it.

        Raises what ``encode`` raised. Of a text that changed :meth:`forget` must be told.
        """
        if self._piece != piece:
            if self._thread is not None and self._thread.is_alive():
                self._thread.join(PATIENCE)  # what it brings is not wanted any more, but two would be in the way
                return None
            answers: queue.SimpleQueue[Encoding | KvlspError] = queue.SimpleQueue()
            self._answers, self._piece = answers, piece

            def work() -> None:
                try:
                    answers.put(encode())
                except KvlspError as error:
                    answers.put(error)

            self._thread = threading.Thread(target=work, name="kvlsp-tokens", daemon=True)
            self._thread.start()
        try:
            found = self._answers.get(timeout=PATIENCE)
        except queue.Empty:
            return None
        self._piece = None
        if isinstance(found, KvlspError):
            raise found
        return found
