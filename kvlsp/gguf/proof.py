"""A tokenizer that was rebuilt from a GGUF file, proven against llama.cpp's own tokens of many texts.

llama.cpp's tokens of a text of one kind may differ from what a model was trained on as well; where both agree on all
probes, nobody can do better with what the file says.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Final

import numpy as np

from kvlsp.errors import TokenizerError
from kvlsp.gguf.api import LlamaModel
from kvlsp.tokens.published import PROBES
from kvlsp.tokens.tokenizer import Tokenizer

_PARTS: Final = (
    "a", "foo", "Bar", "HTTPServer", "getX", "1", "2024", "12345678", " ", "  ", "    ", "\t", "\n", "\n\n", "\r\n",
    "_", ".", "(", "):", "'s", "'table'", "'LL", "\"", "é",
    "straße", "漢字", "かな", "한국", "😀", "\u00a0", "//", "self.",
    "return ", " = ", "#", "$x", "->", "!=", "Ω", "привет", "/**", "*/", ";\n", "{\n    ", "\u3000", "½", "Ⅷ", "٣",
)  # fmt: skip
_TEXTS: Final = 200


def probes() -> Iterable[str]:
    """Texts in many scripts, and random ones of what tokenizers treat in ways of their own; always the same."""
    yield from PROBES
    chance = random.Random(0)
    for _ in range(_TEXTS):
        yield "".join(chance.choice(_PARTS) for _ in range(chance.randrange(2, 24)))


def prove(tokenizer: Tokenizer, model: LlamaModel) -> None:
    """Raise :class:`TokenizerError` where the two cut a probe into different tokens."""
    for text in probes():
        if any(name in text for name in tokenizer.control):
            continue
        ours, theirs = tokenizer.encode(text).ids, np.array(model.tokenize(text), np.int32)
        if not np.array_equal(ours, theirs):
            raise TokenizerError(
                "The tokenizer that kvlsp rebuilt from the GGUF file cuts text into other tokens than llama.cpp does "
                f"({_difference(ours, theirs, model)}), so kvlsp does not use it. Name the same model as a folder with "
                "safetensors, or choose another."
            )


def check_entries(tokenizer: Tokenizer, model: LlamaModel, entries: list[str]) -> None:
    """Raise :class:`TokenizerError` where a tokenizer.json inside a file numbers its entries otherwise."""
    names = tokenizer.control
    for name, number in names.items():
        if number >= len(entries) or entries[number] != name:
            raise TokenizerError(
                f"The tokenizer.json inside the GGUF file calls token {number} {name}, the file itself does not. Make "
                "the file again, or choose another model."
            )
    if tokenizer.vocabulary_size > model.entries:
        raise TokenizerError(
            f"The tokenizer.json inside the GGUF file makes {tokenizer.vocabulary_size:,} tokens, the model knows "
            f"{model.entries:,}. Make the file again, or choose another model."
        )


def _difference(ours: np.ndarray, theirs: np.ndarray, model: LlamaModel) -> str:
    length = min(len(ours), len(theirs))
    differs = np.flatnonzero(ours[:length] != theirs[:length])
    at = int(differs[0]) if len(differs) else length
    named = [repr(model.piece(int(ids[at]))) if at < len(ids) else "the end" for ids in (ours, theirs)]
    return f"in a probe {named[0]} where llama.cpp has {named[1]}"
