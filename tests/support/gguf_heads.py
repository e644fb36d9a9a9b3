"""Heads of GGUF files, written by hand: what is read of a file before anything is opened, in a few bytes."""

from __future__ import annotations

import struct


def head(size: int = 0, **more: int | str) -> bytes:
    """A Llama of two layers by what it says, ``size`` bytes or more; ``more`` are further keys, dots as ``__``."""
    said: dict[str, int | str] = {
        "general.architecture": "llama", "llama.block_count": 2, "llama.attention.head_count": 4,
        "llama.attention.head_count_kv": 2, "llama.embedding_length": 32,
        **{name.replace("__", "."): value for name, value in more.items()},
    }  # fmt: skip
    written = b"GGUF" + struct.pack("<IQQ", 3, 0, len(said))
    for name, value in said.items():
        written += _text(name) + (struct.pack("<II", 4, value) if isinstance(value, int)
                                  else struct.pack("<I", 8) + _text(value))  # fmt: skip
    return written + bytes(max(0, size - len(written)))


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()
