"""The licence each corpus package declares, for the model card. Knows metadata of distributions, not source
files.
"""

from __future__ import annotations

from collections.abc import Iterable
from email.parser import HeaderParser
from pathlib import Path

_UNKNOWN = "see the package"


class LicenceTable:
    """Licences by top-level package name, read from `*.dist-info` folders below scanned folders."""

    def __init__(self) -> None:
        self._licence: dict[str, str] = {"python-stdlib": "PSF-2.0"}

    def scan(self, folder: Path) -> None:
        """Read every `*.dist-info` that lies in `folder` or in a site-packages folder right below it."""
        for place in (folder, folder / "site-packages", folder / "dist-packages"):
            for info in sorted(place.glob("*.dist-info")):
                metadata = info / "METADATA"
                if not metadata.exists():
                    continue
                headers = HeaderParser().parsestr(metadata.read_text(encoding="utf-8", errors="replace"))
                licence = _declared(headers.get("License-Expression"), headers.get("License"),
                                    headers.get_all("Classifier") or [])  # fmt: skip
                for name in _top_levels(info) | {(headers.get("Name") or "").replace("-", "_").lower()}:
                    self._licence.setdefault(name, licence)

    def of(self, packages: Iterable[str]) -> dict[str, str]:
        """Licence of each package, sorted by name."""
        return {name: self._licence.get(name, _UNKNOWN) for name in sorted(packages)}


def _declared(expression: str | None, text: str | None, classifiers: list[str]) -> str:
    if expression:
        return expression
    if text and "\n" not in text and 2 < len(text) < 60:
        return text
    names = [line.rsplit("::", 1)[1].strip() for line in classifiers if line.startswith("License ::")]
    return ", ".join(names) or _UNKNOWN


def _top_levels(info: Path) -> set[str]:
    record = info / "RECORD"
    if not record.exists():
        return set()
    names = set()
    for line in record.read_text(encoding="utf-8", errors="replace").splitlines():
        first = line.split(",", 1)[0].split("/", 1)[0]
        if not first.endswith((".dist-info", ".data")) and first not in ("..", "__pycache__"):
            names.add(first.removesuffix(".py"))
    return names
