"""A checkpoint's files: found in a folder or fetched from the Hugging Face hub, and checked before they are
read.

Safetensors only, no code from a checkpoint is ever run.
"""

from __future__ import annotations

import codecs
import errno
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from kvlsp import plain_file
from kvlsp.errors import ModelBroken, ModelError, ModelNotFound
from kvlsp.model import formats, resuming

Progress: TypeAlias = Callable[["float | None", str], None]  # share done (None: unknown), what is being done

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
FILES = ["config.json", "generation_config.json", "*.safetensors", "*.safetensors.index.json", "tokenizer*",
         "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "adapter_config.json",
         "README.md"]  # fmt: skip
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
LARGEST = 100 << 20
"""Bytes of a description; the largest index of weights that we know has a tenth of it."""
MOST = 512 << 20  # bytes of any JSON file beside weights at most, vocabularies among them
POINTER = b"version https://git-lfs"
MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Names of errors by which the hub's client, and the network library under it, say that nothing was reached.
UNREACHABLE = frozenset({
    "LocalEntryNotFoundError", "OfflineModeIsEnabled", "IncompleteSnapshotError", "ConnectionError",
    "TransportError", "RequestException",
})  # fmt: skip


def locate(name: str | Path, progress: Progress) -> Path:
    """The folder of a checkpoint, downloaded first if ``name`` is a hub id (``owner/model``) and no path.

    See :func:`as_path`. What is already in the hub's cache is not fetched again and a broken download is resumed; with
    HF_HUB_OFFLINE set the cache alone is used. Raises :class:`ModelNotFound`, :class:`ModelBroken` or
    :class:`ModelError`.
    """
    folder = as_path(name)
    if folder is not None and folder.is_dir():
        return folder
    if folder is not None and folder.is_file():
        raise formats.single_file(folder)
    if folder is None and HUB_ID.fullmatch(str(name)):
        return _fetch(str(name), progress)
    hint = f" A folder beside you is written ./{name}." if folder is None else ""
    raise ModelNotFound(
        f"There is no model at {name}: the setting must name a folder with a checkpoint, "
        f"or a model of the Hugging Face hub as owner/name.{hint}"
    )


def as_path(name: str | Path) -> Path | None:
    """The folder that is meant where a name is written as a path: absolute, or beginning with ``~``, ``./`` or ``../``.

    Any other name is not looked for on the disk: the current folder is what somebody is working on, and a folder in it
    that has the name of a model must not be loaded in the model's place.
    """
    text = str(name)
    beginning = text.replace("\\", "/") if os.sep == "\\" else text
    written = beginning in (".", "..") or beginning.startswith(("./", "../", "~"))
    if not isinstance(name, str) or written or Path(text).is_absolute():
        try:
            return Path(text).expanduser()
        except RuntimeError:  # the user has no home
            return Path(text)
    return None


def read_config(folder: Path) -> dict[str, Any]:
    """The checkpoint's ``config.json``. Raises :class:`ModelNotFound`, :class:`ModelBroken`, or where the folder holds
    something else than a checkpoint :class:`UnsupportedModel`."""
    path = folder / "config.json"
    try:
        config = read_json(path)
    except FileNotFoundError as error:
        raise _no_config(folder) or ModelNotFound(
            f"{folder} holds no model: there is no config.json in it. Name a folder with a checkpoint."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelBroken(f"{path} cannot be read ({error}). Fetch the model again.") from error
    if not isinstance(config, dict) or "model_type" not in config:
        raise ModelBroken(f"{path} does not say which model_type it describes. Fetch the model again.")
    if config.get("auto_map") and not known(config["model_type"]):
        raise ModelError(
            f"The model in {folder} needs code of its own, which kvlsp does not run. Choose a model of an "
            "architecture that transformers knows."
        )
    formats.refuse_task(config, folder)
    formats.rounded_as(config, folder)
    for other in sorted(folder.glob("*.json")):  # transformers reads some of them, to their end
        if not other.is_file() or other.stat().st_size > MOST:
            raise ModelBroken(f"{other} is not an ordinary file. Fetch the model again.")
    return config


def read_bounded(path: Path) -> bytes:
    """A plain file's bytes. :class:`OSError` where it is none, :class:`ValueError` where it is larger than
    :data:`LARGEST`: whatever a folder of somebody else's holds, memory does not end in it."""
    return plain_file.read(path, LARGEST)


def read_json(path: Path) -> Any:
    """A JSON file that is read no further than :data:`LARGEST`. Raises OSError, ValueError or RecursionError."""
    data = read_bounded(path)
    if data.startswith(POINTER):
        raise ValueError("it is only a pointer of Git LFS; run `git lfs pull` in its folder")
    if data.startswith(MARKS):  # Python reads such a file, the loader of weights does not
        raise ValueError("it begins with a byte order mark; save it as UTF-8 without one")
    return json.loads(data)


def _no_config(folder: Path) -> ModelError | None:
    """What a folder without config.json is, if that can be told."""
    try:
        adapter = read_json(folder / formats.ADAPTER)
    except (OSError, ValueError, RecursionError):
        adapter = {}
    return formats.without_config(folder, adapter.get("base_model_name_or_path") if isinstance(adapter, dict) else None)


def known(model_type: object) -> bool:
    """Whether transformers knows this architecture."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    return isinstance(model_type, str) and model_type in CONFIG_MAPPING_NAMES


def _fetch(name: str, progress: Progress) -> Path:
    from huggingface_hub import snapshot_download

    progress(None, f"looking for {name}")
    bar = _bar(name, progress)
    try:
        if not _is_whole(name):
            resuming.large_files(name, bar)
        return Path(snapshot_download(name, allow_patterns=FILES, tqdm_class=bar))
    except Exception as error:
        # The hub's client wraps the errors of whichever network library it is built on.
        raise explain(name, error) from error


def _is_whole(name: str) -> bool:
    """Whether all of it was fetched before, by the cache alone."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, local_files_only=True))
        index = folder / INDEX
        wanted = set(read_json(index)["weight_map"].values()) if index.is_file() else {WEIGHTS}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    return all((folder / str(one)).is_file() for one in wanted)


def explain(name: str, error: Exception) -> ModelError:
    """A failed download of ``name`` in a plain sentence: what happened, and what to do."""
    from huggingface_hub import constants
    from huggingface_hub import errors as hub

    if isinstance(error, hub.GatedRepoError):
        return ModelNotFound(
            f"{name} is a gated model: accept its terms on its page, then log in with `hf auth login`."
        )
    if isinstance(error, hub.RepositoryNotFoundError):
        return ModelNotFound(
            f"The hub has no model {name}. Check the spelling; log in with `hf auth login` if it is private."
        )
    if isinstance(error, hub.HFValidationError):
        return ModelNotFound(f"{name} is neither a folder nor a model of the hub (owner/name).")
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & UNREACHABLE:
        why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else "the hub cannot be reached"
        return ModelNotFound(
            f"{name} is not (wholly) on this machine and {why}. Go online once to fetch it, or name a folder."
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return ModelError(
            f"The disk is full: {name} could not be stored under {constants.HF_HUB_CACHE}. Free some space "
            "and try again; what was fetched is kept."
        )
    if isinstance(error, OSError) and "consistency" in str(error).lower():
        return ModelBroken(f"A file of {name} arrived damaged. Try again: it is fetched anew.")
    return ModelError(f"{name} could not be fetched: {_first_line(error)} Try again later.")


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _bar(name: str, progress: Progress) -> Any:
    """A stand-in for the hub's progress bar that reports to ``progress`` (percent and bytes)."""
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined,unused-ignore]

    class Bar(tqdm):  # type: ignore[misc,unused-ignore]
        # A bar that is switched off (the loader switches them off) forgets unit and total and counts nothing.
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self._bytes = float(kwargs.get("total") or 0) if kwargs.get("unit") == "B" else 0.0
            self._done = float(kwargs.get("initial") or 0)
            kwargs["file"] = _Nowhere()
            super().__init__(*args, **kwargs)

        def update(self, n: float | None = 1) -> bool | None:
            result = super().update(n)
            self._done += n or 0
            expected = self._bytes or (getattr(self, "total", None) or 0 if getattr(self, "unit", "") == "B" else 0)
            if expected:
                share = min(1.0, self._done / expected)
                progress(share, f"fetching {name}: {self._done / 1e6:,.0f} of {expected / 1e6:,.0f} MB")
            return result

    return Bar


class _Nowhere:
    """A file that forgets: standard error belongs to the log."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        return None
