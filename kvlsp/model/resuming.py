"""A broken download goes on where it was, also in another process.

The hub's client takes up a file again while it runs, and forgets what there is of it when it ends; a model's largest
file may take hours. So large files are fetched here first, with the client's own means, beside the place where it keeps
them; it then finds them there. What is fetched of a file is kept until it is whole.
"""

from __future__ import annotations

import hashlib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

LARGE: Final = 16 << 20
"""Bytes; a smaller file is fetched again."""
PART: Final = ".part"
"""At the end of the name of what there is of a file."""
SHA256: Final = 64
"""Letters of such a digest: the hub names large files by theirs."""


def large_files(name: str, bar: Any, least: int = LARGE) -> None:
    """Fetch the weight files of ``name`` that have ``least`` bytes or more; ``bar`` is told how far it
    is, as a class like tqdm's. Where the hub cannot be asked nothing is done. Raises what its client raises."""
    from huggingface_hub import HfApi, constants

    if constants.HF_HUB_OFFLINE:
        return
    try:
        found = HfApi().model_info(name, files_metadata=True)
    except Exception:  # of whichever network library; who fetches the rest says what it is
        return
    for file in found.siblings or ():
        if fnmatch(file.rfilename, "*.safetensors") and "/" not in file.rfilename and (file.size or 0) >= least:
            _file(name, file.rfilename, str(found.sha), bar)


def _file(name: str, file: str, revision: str, bar: Any) -> None:
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import http_get, repo_folder_name
    from huggingface_hub.utils import WeakFileLock, build_hf_headers  # type: ignore[attr-defined,unused-ignore]

    address, headers = hf_hub_url(name, file, revision=revision), build_hf_headers()
    about = get_hf_file_metadata(address, headers=headers)
    if not about.etag or not about.size or not about.etag.isalnum() or about.size > constants.MAX_HTTP_DOWNLOAD_SIZE:
        return
    if urlsplit(about.location).netloc != urlsplit(address).netloc:
        headers = {key: value for key, value in headers.items() if key.lower() != "authorization"}  # not theirs
    cache, folder = Path(constants.HF_HUB_CACHE), repo_folder_name(repo_id=name, repo_type="model")
    blob, lock = cache / folder / "blobs" / about.etag, cache / ".locks" / folder / f"{about.etag}.lock"
    part = blob.with_name(f"{about.etag}{PART}")
    for needed in (blob, lock):
        needed.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):  # the client's own: nobody else fetches it meanwhile
        if blob.exists():
            return
        with part.open("ab") as there:
            if there.tell() > about.size:
                there.seek(0)
                there.truncate()
            begun = there.tell()
            http_get(
                about.location, there, resume_size=begun, headers=headers, expected_size=about.size, tqdm_class=bar
            )
        if begun and len(about.etag) == SHA256 and _digest(part) != about.etag:
            part.unlink()
            raise OSError("Consistency check failed: two halves of a file do not belong together.")
        part.replace(blob)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(1 << 20):
            digest.update(data)
    return digest.hexdigest()
