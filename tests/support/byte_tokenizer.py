"""A byte-level tokenizer without merges: every byte is a token, beside fill-in-the-middle control tokens."""

from __future__ import annotations

import json

CONTROL = (
    "<|endoftext|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>",
    "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>",
)
VOCABULARY = 256 + len(CONTROL)


def byte_letters() -> list[str]:
    """The printable letter that byte-level BPE writes for each byte 0..255 (the GPT-2 table)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(hidden)) for byte in range(256)]


def byte_tokenizer_json() -> str:
    """A ``tokenizer.json``: control tokens are ids 0..6, byte b is id 7 + b."""
    vocabulary = {text: number for number, text in enumerate(CONTROL)}
    vocabulary.update({letter: len(CONTROL) + byte for byte, letter in enumerate(byte_letters())})
    added = [
        {"id": number, "content": text, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}
        for number, text in enumerate(CONTROL)
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
        "pre_tokenizer": byte_level, "post_processor": None, "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
                  "ignore_merges": False, "vocab": vocabulary, "merges": []},
    })
