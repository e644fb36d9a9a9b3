"""Which file is meant where a setting names a GGUF model: a file, a folder with one, Ollama's, or one of the hub's.

Files are found, and of the hub's fetched; what is in them is not looked at.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from kvlsp.errors import ModelNotFound
from kvlsp.gguf import ollama
from kvlsp.model.checkpoint import Progress, as_path, explain

_HUB_FILE: Final = re.compile(r"([A-Za-z0-9][\w.-]*/[\w.-]+)/([\w./-]+\.gguf)", re.IGNORECASE)
_PART: Final = re.compile(r"-(\d{5})-of-(\d{5})(\.gguf)", re.IGNORECASE)
"""How a file is named that is one of several."""


def is_gguf(name: str | Path) -> bool:
    """Whether a setting names a GGUF model, by its form or by what lies there."""
    if isinstance(name, str) and ollama.is_name(name):
        return True
    path = as_path(name)
    if path is None:
        return isinstance(name, str) and _HUB_FILE.fullmatch(name) is not None
    if path.is_dir():
        return not (path / "config.json").is_file() and bool(_files(path))
    return path.suffix.lower() == ".gguf"


def find(name: str | Path, progress: Progress) -> Path:
    """The file, its first where it is split. Raises :class:`ModelNotFound` or another
    :class:`~kvlsp.errors.ModelError`."""
    if isinstance(name, str) and ollama.is_name(name):
        return ollama.find(name)
    path = as_path(name)
    if path is None:
        found = _HUB_FILE.fullmatch(str(name))
        if found is None:
            raise ModelNotFound(f"{name} names no GGUF file. Write a path, ollama:NAME:TAG, or owner/name/file.gguf.")
        return _fetched(found[1], found[2], progress)
    if path.is_dir():
        files = _files(path)
        if len(files) != 1:
            named = ", ".join(file.name for file in files[:8])
            raise ModelNotFound(f"{path} holds {len(files)} GGUF models ({named}). Name one of the files.")
        return files[0]
    if not path.is_file():
        raise ModelNotFound(f"There is no file {path}. Check how the setting model spells it.")
    return path


def short_name(name: str, path: Path) -> str:
    """What a person calls the model in ``path`` that a setting names: Ollama's files have digests for names."""
    return name.removeprefix(ollama.PREFIX) if ollama.is_name(name) else path.stem


def parts(path: Path) -> list[Path]:
    """All files that a model's first one belongs to, whether they are there or not; itself where it is the only one."""
    return [path.with_name(name) for name in _part_names(path.name)]


def _part_names(name: str) -> list[str]:
    part = _PART.search(name)
    if part is None:
        return [name]
    begins, total, ends = name[: part.start()], part[2], part[3]
    return [f"{begins}-{number:05}-of-{total}{ends}" for number in range(1, int(total) + 1)]


def _files(folder: Path) -> list[Path]:
    """The models in a folder; of one in several files the first. Projectors of pictures are none."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".gguf" and path.is_file())
    parts = [(path, _PART.search(path.name)) for path in found]
    return [path for path, part in parts if (part is None or int(part[1]) == 1) and "mmproj" not in path.name.lower()]


def _fetched(repository: str, file: str, progress: Progress) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        fetched = []
        for one in _part_names(file):
            progress(None, f"looking for {repository}/{one}")
            fetched.append(Path(hf_hub_download(repository, one)))
        return fetched[0]
    except Exception as error:  # the hub's client wraps the errors of whichever network library it is built on
        raise explain(repository, error) from error
