"""Reading the source files of one fetched package out of its archive, without unpacking it to the disk.

An archive is a wheel or a package of npm. All source files of known languages are read; what is kept of them is decided
elsewhere.
"""

from __future__ import annotations

import json
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath

from kvlsp.errors import KvlspError
from kvlsp.laboratory.training.deny_list import MAX_CHARACTERS
from kvlsp.laboratory.training.languages import language_of
from kvlsp.laboratory.training.licences import declared, permissive, told_by_text

#: Bytes of one file that are read at most: longer ones are refused for their length anyway.
_MOST = 4 * MAX_CHARACTERS
_LICENCE_NAMES = ("licen", "copying")


class BrokenArchive(KvlspError):
    """An archive that cannot be read."""


@dataclass(frozen=True)
class Package:
    """What an archive holds: ``files`` are (path, text or None where it is not UTF-8), paths with the package first."""

    name: str
    version: str
    licence: str
    permissive: bool
    files: list[tuple[PurePosixPath, str | None]]


def read_package(archive: Path) -> Package:
    """The package in ``archive`` (.whl or .tgz). Raises BrokenArchive."""
    try:
        return _wheel(archive) if archive.suffix == ".whl" else _npm(archive)
    except (OSError, zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, ValueError, KeyError) as error:
        raise BrokenArchive(f"{archive.name} cannot be read: {error}.") from error


def _wheel(archive: Path) -> Package:
    with zipfile.ZipFile(archive) as file:
        names = file.namelist()
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        headers = HeaderParser().parsestr(file.read(metadata).decode("utf-8", "replace"))
        licence, allowed = _licence(
            declared(headers.get("License-Expression"), headers.get("License"), headers.get_all("Classifier") or []),
            lambda: [file.read(name) for name in names if ".dist-info/" in name and _is_licence(name)],
        )
        found = []
        for info in file.infolist():
            path = PurePosixPath(info.filename)
            if language_of(path) == "python" and ".data/" not in info.filename and info.file_size <= _MOST and allowed:
                found.append((path, _text(file.read(info))))
    return Package(headers["Name"].lower(), headers["Version"], licence, allowed, sorted(found, key=_path))


def _npm(archive: Path) -> Package:
    found: list[tuple[PurePosixPath, str | None]] = []
    manifest: dict[str, object] = {}
    licences: list[bytes] = []
    with tarfile.open(archive, "r|gz") as file:
        for member in file:
            path = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            if not member.isfile() or member.size > _MOST:
                continue
            wanted = language_of(path) is not None
            top = len(path.parts) == 1 and (path.name == "package.json" or _is_licence(path.name))
            content = file.extractfile(member) if wanted or top else None
            if content is None:
                continue
            if wanted:
                found.append((path, _text(content.read())))
            elif path.name == "package.json":
                manifest = json.loads(content.read())
            else:
                licences.append(content.read())
    licence, allowed = _licence(_of_manifest(manifest), lambda: licences)
    name, version = str(manifest["name"]), str(manifest["version"])
    inside = [(PurePosixPath(name) / path, text) for path, text in found] if allowed else []
    return Package(name, version, licence, allowed, sorted(inside, key=_path))


def _of_manifest(manifest: dict[str, object]) -> str:
    licence = manifest.get("license") or manifest.get("licenses") or ""
    if isinstance(licence, list):
        return " OR ".join(str(one.get("type", "") if isinstance(one, dict) else one) for one in licence)
    return str(licence.get("type", "") if isinstance(licence, dict) else licence)


def _licence(said: str, texts: Callable[[], list[bytes]]) -> tuple[str, bool]:
    """The licence a package declares, or where it declares none that of its licence's text, and if it is permissive."""
    if said:
        return said, permissive(said)
    told = sorted({told_by_text(text.decode("utf-8", "replace")) for text in texts()})
    return " AND ".join(told) or "none declared", bool(told) and all(permissive(one) for one in told)


def _is_licence(name: str) -> bool:
    return PurePosixPath(name).name.lower().startswith(_LICENCE_NAMES)


def _text(data: bytes) -> str | None:
    try:
        return data.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return None


def _path(file: tuple[PurePosixPath, str | None]) -> str:
    return str(file[0])
