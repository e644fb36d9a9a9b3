"""Models as GGUF files: what their heads say of them, and what it takes to run them. Their weights are not read."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from kvlsp.catalogue.entry import Entry
from kvlsp.errors import ModelError
from kvlsp.gguf.cells import least_buffers
from kvlsp.gguf.facts import facts
from kvlsp.gguf.metadata import read
from kvlsp.gguf.place import parts

EXTRA = "gguf"


def problem() -> str:
    """Why GGUF files cannot be used here; empty where they can."""
    if importlib.util.find_spec("llama_cpp") is None:
        return f'It is a GGUF file: install what reads it with pip install "kvlsp[{EXTRA}]".'
    return ""


def of_file(path: Path, name: str, where: str, parameters: int = 0, licence: str = "") -> Entry:
    """An entry for a file, of several the first; its size is about what its weights take in memory."""
    disk = 0
    for part in parts(path):
        try:
            disk += part.stat().st_size
        except OSError:
            return Entry(name, where, licence=licence, problem=f"Its file {part.name} is not there. Fetch it again.")
    row = beside = 0
    why = problem()
    try:
        said = read(path)
        known = facts(said, path)
        row, beside = known.numbers, least_buffers(known.entries)
        parameters = parameters or known.parameters
    except ModelError as error:
        why = why or str(error)
    return Entry(name, where, parameters, row=row, disk=disk, licence=licence, problem=why, rounded=True,
                 beside=beside)
