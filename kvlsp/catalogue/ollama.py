"""The models that Ollama keeps: its manifests name them, its blobs are GGUF files. Nothing is fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kvlsp.catalogue.entry import Entry, read_small
from kvlsp.catalogue.gguf import of_file
from kvlsp.gguf.ollama import folder as store

_KIND = "application/vnd.ollama.image."
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SIZE = re.compile(r"([0-9.]+) ?([KMBT])")
_UNITS = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


def models(folder: Path | None = None) -> Iterator[Entry]:
    """Each as ``ollama:NAME:TAG``, as kvlsp's setting ``model`` and Ollama itself name it."""
    folder = folder or store()
    try:
        manifests = sorted((folder / "manifests").glob("*/*/*/*"))  # its registry, who made it, name, tag
    except OSError:
        return
    for path in manifests:
        _, maker, name, tag = path.parts[-4:]
        manifest = read_small(path)
        if isinstance(manifest, dict):
            entry = _entry(folder / "blobs", manifest, f"{name if maker == 'library' else f'{maker}/{name}'}:{tag}")
            if entry is not None:
                yield entry


def _entry(blobs: Path, manifest: Mapping[str, Any], name: str) -> Entry | None:
    layers = [one for one in manifest.get("layers") or [] if isinstance(one, dict)]
    weights = _blob(blobs, next((one for one in layers if one.get("mediaType") == f"{_KIND}model"), None))
    if weights is None:
        return None
    about = read_small(_blob(blobs, manifest.get("config")) or blobs / "none")
    size = _SIZE.fullmatch(str(about.get("model_type", ""))) if isinstance(about, dict) else None
    parameters = round(float(size[1]) * _UNITS[size[2]]) if size and size[1].count(".") < 2 else 0
    terms = _blob(blobs, next((one for one in layers if one.get("mediaType") == f"{_KIND}license"), None))
    return of_file(weights, f"ollama:{name}", "Ollama", parameters, _first_line(terms))


def _blob(blobs: Path, layer: Any) -> Path | None:
    digest = layer.get("digest") if isinstance(layer, dict) else None
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        return None
    return blobs / digest.replace(":", "-")


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
