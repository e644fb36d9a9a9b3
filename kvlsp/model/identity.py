"""What tells a checkpoint's files from others: equal for equal files, wherever they lie, without reading all of them.

Small files count whole, weights by their beginning, where they say what they hold, and by a thousand places all over
them: whatever trains, merges or rounds a model changes some of those.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final

_SMALL: Final = 64 << 20
_SAMPLE: Final = 1 << 9
_PLACES: Final = 1024


def identity(folder: Path) -> str:
    """A digest in hexadecimal; empty where the files cannot be read."""
    digest = hashlib.sha256()
    try:
        for path in sorted(one for one in folder.iterdir() if one.is_file()):  # no pipe, no device: they never end
            if path.suffix in (".json", ".model", ".txt") and path.stat().st_size <= _SMALL:
                digest.update(f"{path.name} {path.stat().st_size} ".encode())
                digest.update(path.read_bytes())
            elif path.suffix in (".safetensors", ".gguf"):
                with path.open("rb") as file:
                    _sample(file, path.stat().st_size, digest)
    except OSError:
        return ""
    return digest.hexdigest()


def of_files(paths: Iterable[Path]) -> str:
    """The same of a model that is these files, in this order."""
    digest = hashlib.sha256()
    try:
        for path in paths:
            with path.open("rb") as file:
                _sample(file, path.stat().st_size, digest)
    except OSError:
        return ""
    return digest.hexdigest()


def _sample(file: BinaryIO, size: int, digest: hashlib._Hash) -> None:
    """The beginning, and places in equal distances all over the file."""
    digest.update(f"{size} ".encode())
    digest.update(file.read(1 << 20))
    for place in range(_PLACES):
        file.seek(size * place // _PLACES)
        digest.update(file.read(_SAMPLE))
