"""The tokenizer of a GGUF file as a tokenizer.json: from its entries, merges or scores, and the name of its words.

Whether it is right is proven in :mod:`kvlsp.gguf.proof`. If a file brings its makers' tokenizer.json along, that one is
used.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from kvlsp.errors import TokenizerError
from kvlsp.gguf.metadata import Metadata
from kvlsp.gguf.splitting import KNOWN, pre_tokenizer, whole_words

Json = dict[str, Any]

PUBLISHED: Final = "tokenizer.huggingface.json"
"""Where the format keeps a whole tokenizer.json."""
_UNKNOWN, _CONTROL, _USER, _UNUSED = 2, 3, 4, 5
"""Types of entries."""
_SPACE = "\u2581"


def published(metadata: Metadata) -> str:
    """The makers' tokenizer.json where the file has it; else empty."""
    found = metadata.get(PUBLISHED)
    return found if isinstance(found, str) else ""


def definition(metadata: Metadata) -> str:
    """The content of a tokenizer.json. Raises :class:`TokenizerError` where none can be made."""
    entries = _entries(metadata)
    if published(metadata):
        return published(metadata)
    kind = metadata.get("tokenizer.ggml.model")
    if kind == "gpt2":
        return json.dumps(_byte_level(metadata, entries))
    if kind == "llama":
        return json.dumps(_sentencepiece(metadata, entries))
    raise TokenizerError(
        f"The GGUF file's tokenizer is of the kind {kind}, which no code model has; kvlsp knows byte-pair encoding "
        "(gpt2 and llama). Choose another model."
    )


def _entries(metadata: Metadata) -> list[str]:
    """The vocabulary, whose lists are of what they should be, and as long."""
    entries = metadata.get("tokenizer.ggml.tokens")
    if not isinstance(entries, list) or not entries:
        raise TokenizerError("The GGUF file holds no vocabulary. Name the file of a whole model.")
    merges, types = metadata.get("tokenizer.ggml.merges") or [], metadata.get("tokenizer.ggml.token_type") or []
    sound = _all(entries, str) and _all(merges, str) and _all(types, int) and len(types) in (0, len(entries))
    if not sound or not _all(metadata.get("tokenizer.ggml.scores") or [], float):
        raise TokenizerError(
            "The GGUF file's vocabulary is damaged: its lists have the wrong type or length. Fetch the file again or "
            "choose another model."
        )
    return entries


def _all(values: object, kind: type) -> bool:
    return isinstance(values, list) and all(isinstance(one, kind) for one in values)


def vocabulary_of(entries: Sequence[str]) -> dict[str, int]:
    """Entries by their texts; of two alike the first."""
    found: dict[str, int] = {}
    for number, entry in enumerate(entries):
        found.setdefault(entry, number)
    return found


def _byte_level(metadata: Metadata, entries: list[str]) -> Json:
    name = str(metadata.get("tokenizer.ggml.pre", "default"))
    steps = pre_tokenizer(name)
    if steps is None:
        raise TokenizerError(
            f"The GGUF file cuts text into words by a method called {name}, which kvlsp does not know (it knows "
            f"{', '.join(KNOWN)}). Name the same model as a folder with safetensors, or choose another."
        )
    vocabulary = vocabulary_of(entries)
    merges = [merge for merge in metadata.get("tokenizer.ggml.merges") or [] if merge]
    return _whole(metadata, entries, steps, None, {
        "vocab": vocabulary, "merges": [_halves(merge) for merge in merges], "byte_fallback": False,
        "ignore_merges": whole_words(name),
    }, decoder={"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True})  # fmt: skip


def _halves(merge: str) -> list[str]:
    """A merge is written as two entries and a space; an entry of byte-level vocabularies holds no space itself."""
    left, _, right = merge.partition(" ")
    return [left, right]


def _sentencepiece(metadata: Metadata, entries: list[str]) -> Json:
    """Byte-pair encoding in SentencePiece's manner: of two neighbours those are joined first whose entry has the
    highest score."""
    scores = metadata.get("tokenizer.ggml.scores")
    if not isinstance(scores, list) or len(scores) != len(entries):
        raise TokenizerError("The GGUF file's vocabulary has no scores. Fetch it again or choose another model.")
    vocabulary = vocabulary_of(entries)
    types = metadata.get("tokenizer.ggml.token_type") or [1] * len(entries)
    ranked = [(-scores[number], number, entry) for entry, number in vocabulary.items()
              if len(entry) > 1 and types[number] == 1]  # fmt: skip
    merges = [
        [entry[:cut], entry[cut:]]
        for _, _, entry in sorted(ranked)
        for cut in range(1, len(entry))
        if entry[:cut] in vocabulary and entry[cut:] in vocabulary
    ]
    spaces: list[Json] = [{"type": "Replace", "pattern": {"String": " "}, "content": _SPACE}]
    if metadata.get("tokenizer.ggml.add_space_prefix", True):
        spaces.insert(0, {"type": "Prepend", "prepend": _SPACE})
    unknown = next((entry for number, entry in enumerate(entries) if types[number] == _UNKNOWN), None)
    return _whole(metadata, entries, None, {"type": "Sequence", "normalizers": spaces}, {
        "vocab": vocabulary, "merges": merges, "byte_fallback": True, "unk_token": unknown, "fuse_unk": True,
        "ignore_merges": False,
    }, decoder={"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": _SPACE}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
    ]})  # fmt: skip


def _whole(metadata: Metadata, entries: list[str], pre: Json | None, normalizer: Json | None, model: Json,
           decoder: Json) -> Json:
    types = metadata.get("tokenizer.ggml.token_type") or [1] * len(entries)
    added = [
        {"id": number, "content": entry, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
         "special": types[number] in (_UNKNOWN, _CONTROL, _UNUSED)}
        for number, entry in enumerate(entries)
        if entry and types[number] in (_UNKNOWN, _CONTROL, _USER)
    ]  # fmt: skip
    bare: Json = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": normalizer,
        "pre_tokenizer": pre, "post_processor": None, "decoder": decoder, "model": {**bare, **model},
    }  # fmt: skip
