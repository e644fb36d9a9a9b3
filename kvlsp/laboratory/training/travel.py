"""Bringing a trained model home from a machine that lets only small files out: one archive, cut into pieces.

`cat model.tar.xz.* | tar xJ` puts it together again anywhere; `unpack` does it here and checks it.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import tarfile
from pathlib import Path

from kvlsp.errors import ModelBroken

PIECE = 15 << 20
_NAME = "model.tar.xz"
_SUM = f"{_NAME}.sha256"


def pack(model: Path, folder: Path, piece: int = PIECE) -> list[Path]:
    """Write the files of the exported ``model`` into ``folder``, in pieces of at most ``piece`` bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{_NAME}.*"):
        old.unlink()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz", preset=1) as archive:
        for path in sorted(model.iterdir()):
            archive.add(path, path.name)
    data = buffer.getbuffer()
    pieces = []
    for start in range(0, len(data), piece):
        pieces.append(folder / f"{_NAME}.{start // piece:03d}")
        pieces[-1].write_bytes(data[start : start + piece])
    (folder / _SUM).write_text(hashlib.sha256(data).hexdigest() + "\n", encoding="utf-8")
    return pieces


def unpack(folder: Path, model: Path) -> None:
    """Put the pieces in ``folder`` together into ``model``. Raises ModelBroken when they are not whole."""
    data = b"".join(path.read_bytes() for path in sorted(folder.glob(f"{_NAME}.[0-9]*")))
    try:
        wanted = (folder / _SUM).read_text(encoding="utf-8").strip()
        if hashlib.sha256(data).hexdigest() != wanted:
            raise ModelBroken(f"The pieces in {folder} are not all there, or were changed. Fetch them again.")
        model.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:xz") as archive:
            for member in archive:
                content = archive.extractfile(member)
                if content is not None:
                    (model / Path(member.name).name).write_bytes(content.read())
    except (OSError, tarfile.TarError, lzma.LZMAError) as error:
        raise ModelBroken(f"{folder} holds no packed model: {error}.") from error
