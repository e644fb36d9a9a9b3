"""Models as GGUF files: what can be said of them without reading them, and what it takes to run them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from kvlsp.catalogue.entry import Entry
from kvlsp.gguf.place import parts

EXTRA = "gguf"


def problem() -> str:
    """Why GGUF files cannot be used here; empty where they can."""
    if importlib.util.find_spec("llama_cpp") is None:
        return f'It is a GGUF file: install what reads it with pip install "kvlsp[{EXTRA}]".'
    return ""


def of_file(path: Path, name: str, where: str, parameters: int = 0, licence: str = "") -> Entry:
    """An entry for a file, of several the first; its size is about what it takes in memory."""
    disk = 0
    for part in parts(path):
        try:
            disk += part.stat().st_size
        except OSError:
            return Entry(name, where, licence=licence, problem=f"Its file {part.name} is not there. Fetch it again.")
    return Entry(name, where, parameters, disk=disk, licence=licence, problem=problem(), rounded=True)
