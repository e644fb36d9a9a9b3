"""The models that Ollama keeps, listed: what each is called, how large it is, under which licence. Nothing is fetched.

How its store is laid out stands in :mod:`kvlsp.gguf.ollama`, which also opens what is named here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from kvlsp.catalogue.entry import Entry, read_small
from kvlsp.catalogue.gguf import of_file
from kvlsp.errors import ModelBroken
from kvlsp.gguf import ollama

_LICENCE = "application/vnd.ollama.image.license"
_SIZE = re.compile(r"([0-9.]+) ?([KMBT])")
_UNITS = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


def models(folder: Path | None = None) -> Iterator[Entry]:
    """Each as ``ollama:NAME:TAG``, as kvlsp's setting ``model`` and Ollama itself name it."""
    store = folder or ollama.folder()
    try:
        there = list(ollama.manifests(store))
    except OSError:
        return
    for name, manifest in there:
        entry = _entry(store, name, manifest)
        if entry is not None:
            yield entry


def _entry(store: Path, name: str, manifest: Path) -> Entry | None:
    """None where a file describes no model with weights."""
    said = read_small(manifest)
    layers = said.get("layers") if isinstance(said, dict) else None
    kinds = {one.get("mediaType"): one for one in layers if isinstance(one, dict)} if isinstance(layers, list) else {}
    if ollama.WEIGHTS not in kinds:
        return None
    try:
        weights = ollama.weights(store, name, manifest)
    except ModelBroken as error:
        return Entry(f"{ollama.PREFIX}{name}", "Ollama", problem=str(error))
    about = read_small(ollama.blob(store, said.get("config")) or store / "none")
    size = _SIZE.fullmatch(str(about.get("model_type", ""))) if isinstance(about, dict) else None
    parameters = round(float(size[1]) * _UNITS[size[2]]) if size and _is_number(size[1]) else 0
    licence = _first_line(ollama.blob(store, kinds.get(_LICENCE)))
    return of_file(weights, f"{ollama.PREFIX}{name}", "Ollama", parameters, licence)


def _is_number(text: str) -> bool:
    return text.count(".") < 2 and text != "." and len(text) < 16


def _first_line(terms: Path | None) -> str:
    """A licence's title."""
    try:
        if terms is None or not terms.is_file():
            return ""
        with terms.open("rb") as file:
            lines = file.read(4096).decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line.strip()[:60] for line in lines if line.strip()), "")
