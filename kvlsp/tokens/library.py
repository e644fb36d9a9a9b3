"""The `tokenizers` library as kvlsp needs it: built from parts, and its panics become errors.

The library is written in Rust. Where its patterns give up (too many attempts at one place) it panics, and Python
sees an exception that ``except Exception`` does not catch; a thread that serves all documents would end of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import tokenizers

from kvlsp.errors import TokenizationError, TokenizerError

Json = dict[str, Any]
Backend = Any  # tokenizers.Tokenizer, whose types are not known
_Result = TypeVar("_Result")

_BARE: Json = {
    "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
    "pre_tokenizer": None, "post_processor": None, "decoder": None,
    "model": {"type": "BPE", "vocab": {}, "merges": []},
}  # fmt: skip


def parse(source: str) -> Backend:
    """A tokenizer from the content of a file. Raises :class:`TokenizerError`."""
    try:
        return guarded(lambda: tokenizers.Tokenizer.from_str(source))
    except Exception as error:  # the library raises bare Exception
        raise TokenizerError(
            f"The tokenizer file does not fit the installed tokenizers library {tokenizers.__version__}: "
            f"{error}. Update kvlsp or choose another model."
        ) from error


def assemble(model: Any, normalizer: Json | None, pre_tokenizer: Json | None, added: Iterable[Json]) -> Backend:
    """A tokenizer over ``model``, which is shared and not copied, and which has the ids of ``added`` already."""
    shell = parse(json.dumps({**_BARE, "normalizer": normalizer, "pre_tokenizer": pre_tokenizer}))
    made = tokenizers.Tokenizer(model)
    if normalizer is not None:
        made.normalizer = shell.normalizer
    if pre_tokenizer is not None:
        made.pre_tokenizer = shell.pre_tokenizer
    made.add_tokens([
        tokenizers.AddedToken(entry["content"], single_word=bool(entry.get("single_word")),
                              normalized=bool(entry.get("normalized")), special=False)
        for entry in added
    ])  # fmt: skip
    return made


def with_model(model: Mapping[str, Any]) -> Any:
    """A model from its description."""
    return parse(json.dumps({**_BARE, "model": model})).model


def encoded(backend: Backend, text: str) -> Any:
    """The library's encoding of a text, nothing added. Raises :class:`TokenizationError` where the library gives up."""
    if len(text) > 4096:  # encode_batch lets other threads run
        return guarded(lambda: backend.encode_batch([text], add_special_tokens=False))[0]
    return guarded(lambda: backend.encode(text, add_special_tokens=False))


def guarded(call: Callable[[], _Result]) -> _Result:
    """The result of a call into the library; its panics are raised as :class:`TokenizationError`."""
    try:
        return call()
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise TokenizationError(
            "The model's tokenizer gave up on this document: at one place its pattern needs too many attempts. "
            "Other documents are served; shorten the longest run of one kind of character in this one, or choose "
            "another model."
        ) from error
