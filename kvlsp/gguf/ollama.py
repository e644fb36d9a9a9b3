"""A model of Ollama's store, named ``ollama:NAME:TAG``: its manifest says which file holds the weights.

The store is read as it lies there; nothing is fetched, and Ollama need not run.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from kvlsp.errors import ModelBroken, ModelNotFound
from kvlsp.model.checkpoint import as_path

PREFIX: Final = "ollama:"
_NAME: Final = re.compile(
    r"(?:(?P<host>[\w.-]+\.[\w.-]+(?::\d+)?)/)?(?:(?P<owner>[\w.-]+)/)?(?P<name>[\w.-]+)(?::(?P<tag>[\w.-]+))?"
)
_HOST: Final = "registry.ollama.ai"
WEIGHTS: Final = "application/vnd.ollama.image.model"
ADAPTER: Final = "application/vnd.ollama.image.adapter"
_DIGEST: Final = re.compile(r"sha256[:-]([0-9a-f]{64})")
_SERVICE: Final = Path("/usr/share/ollama/.ollama/models")
_LARGEST: Final = 1 << 20
"""Bytes of a manifest at most."""


def is_name(name: str) -> bool:
    return name.startswith(PREFIX)


def folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where Ollama keeps models: where OLLAMA_MODELS says (an absolute path), else in the user's home, else where its
    service does."""
    said = environment.get("OLLAMA_MODELS")
    there = as_path(said) if said else None
    if there is not None and there.is_absolute():  # never from the current folder on
        return there
    places = [Path.home() / ".ollama" / "models", _SERVICE]
    return next((place for place in places if (place / "manifests").is_dir()), places[0])


def find(name: str, environment: Mapping[str, str] = os.environ) -> Path:
    """The file with the weights of ``ollama:NAME`` or ``ollama:NAME:TAG`` (without a tag the latest). Raises
    :class:`ModelNotFound` or :class:`ModelBroken`."""
    store, short = folder(environment), name.removeprefix(PREFIX)
    manifest = _manifest(store, short)
    if not manifest.is_file():
        there = [one for one in names(environment) if one.partition(":")[0] == short.partition(":")[0]]
        have = f" There are {', '.join(there)}." if there else ""
        raise ModelNotFound(
            f"Ollama's store {store} has no model {short}.{have} Fetch it with `ollama pull {short}`, or say with "
            "OLLAMA_MODELS where the store is."
        )
    return weights(store, short, manifest)


def weights(store: Path, short: str, manifest: Path) -> Path:
    """The file with the weights of the model ``short`` that a manifest of the store describes. Raises
    :class:`ModelBroken`."""
    layers = _layers(manifest)
    if any(layer.get("mediaType") == ADAPTER for layer in layers):
        raise ModelBroken(f"{short} of Ollama's store has an adapter, which kvlsp does not read. Name another model.")
    files = [blob(store, layer) for layer in layers if layer.get("mediaType") == WEIGHTS]
    if len(files) != 1 or files[0] is None:
        raise ModelBroken(f"{manifest} names no single file of weights. Fetch the model again (`ollama pull {short}`).")
    if not files[0].is_file():
        raise ModelBroken(f"The weights of {short} are missing in {store}. Fetch them again (`ollama pull {short}`).")
    return files[0]


def blob(store: Path, layer: Any) -> Path | None:
    """Where the store keeps what a part of a manifest names; None where it names nothing."""
    digest = _DIGEST.fullmatch(str(layer.get("digest"))) if isinstance(layer, dict) else None
    return None if digest is None else store / "blobs" / f"sha256-{digest[1]}"


def names(environment: Mapping[str, str] = os.environ) -> list[str]:
    """All models of the store, as :func:`find` takes them but for ``ollama:``."""
    return [name for name, _ in manifests(folder(environment))]


def manifests(store: Path) -> Iterator[tuple[str, Path]]:
    """The models of ``store``: what each is called (:func:`names`), and the file that describes it."""
    root = store / "manifests"
    for path in sorted(root.glob("*/*/*/*")):
        host, owner, name, tag = path.relative_to(root).parts
        if path.is_file():
            parts = [host] if host != _HOST else []
            parts += [owner] if owner != "library" or parts else []
            yield "/".join([*parts, f"{name}:{tag}"]), path


def _manifest(store: Path, short: str) -> Path:
    found = _NAME.fullmatch(short)
    if found is None or ".." in short:
        raise ModelNotFound(f"{short} is not the name of a model of Ollama's. Write it as ollama:NAME:TAG.")
    host, owner = found["host"] or _HOST, found["owner"] or "library"
    return store / "manifests" / host / owner / found["name"] / (found["tag"] or "latest")


def _layers(manifest: Path) -> list[dict[str, Any]]:
    try:
        with manifest.open("rb") as file:
            read = json.loads(file.read(_LARGEST))
        return [layer for layer in read["layers"] if isinstance(layer, dict)]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelBroken(f"{manifest} cannot be read ({error}). Fetch the model again with `ollama pull`.") from error
