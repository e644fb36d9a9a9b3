"""The tokenizer's files in a model's folder, read no further than a file of theirs can be long.

What lies under their names may be anything: a pointer of Git LFS, a device that never ends, another program's file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kvlsp.errors import TokenizerError

LONGEST = 512 << 20
"""Bytes of a tokenizer.json at most; the largest vocabularies of 2026 take 40 million."""
LONGEST_SETTINGS = 32 << 20
_POINTER = "version https://git-lfs"


def whole_file(file: Path) -> str:
    """The text of a tokenizer.json; raises :class:`TokenizerError`."""
    try:
        if file.exists() and not file.is_file():
            raise TokenizerError(f"{file} is not an ordinary file. Fetch the model again.")
        if file.stat().st_size > LONGEST:
            raise TokenizerError(
                f"{file} has {file.stat().st_size:,} bytes, more than any tokenizer.json. Fetch the model again."
            )
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise TokenizerError(
            f"There is no tokenizer.json in {file.parent}. Models without one need converting first "
            "(transformers does it: AutoTokenizer.from_pretrained(...).save_pretrained(...))."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise TokenizerError(f"{file} cannot be read: {error}. Fetch the model again.") from error
    if text.startswith(_POINTER):
        raise TokenizerError(
            f"{file} is only a pointer of Git LFS; the file itself was not fetched. Run `git lfs pull` in its folder."
        )
    return text


def beside(file: Path, name: str) -> Mapping[str, Any]:
    """What the JSON file ``name`` beside ``file`` says; empty where there is none that can be read."""
    path = file.with_name(name)
    try:
        if not path.is_file() or path.stat().st_size > LONGEST_SETTINGS:
            return {}
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def rows_of(file: Path) -> int | None:
    """How many tokens the model beside a tokenizer's file knows, or None."""
    config = beside(file, "config.json")
    inner = config.get("text_config")
    for one in (inner if isinstance(inner, dict) else {}, config):
        rows = one.get("vocab_size")
        if isinstance(rows, int) and rows > 0:
            return rows
    return None
