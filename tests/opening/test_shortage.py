"""Memory that runs out while a model is loaded is called that, whatever was made of it on the way."""

from __future__ import annotations

import pytest

from kvlsp.config import Settings
from kvlsp.errors import OutOfMemory, TokenizerError
from kvlsp.opening.model import open_model
from kvlsp.tokens.tokenizer import Tokenizer


def test_a_sentence_that_was_made_of_a_shortage_does_not_send_people_to_fetch_the_model(monkeypatch):
    def fails(*_: object) -> Tokenizer:
        try:
            raise MemoryError
        except MemoryError as error:
            raise TokenizerError("The tokenizer cannot be read. Fetch it again.") from error

    monkeypatch.setattr(Tokenizer, "load", fails)
    with pytest.raises(OutOfMemory, match="Memory ran out while the default model was loaded"):
        open_model(Settings(threads=1))


def test_any_other_sentence_stays_what_it_is(monkeypatch):
    def fails(*_: object) -> Tokenizer:
        raise TokenizerError("The tokenizer cannot be read.")

    monkeypatch.setattr(Tokenizer, "load", fails)
    with pytest.raises(TokenizerError):
        open_model(Settings(threads=1))
