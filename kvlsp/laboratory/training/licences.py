"""The licence each corpus package declares, and whether it is a permissive one, by its metadata and licence texts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.parser import HeaderParser
from pathlib import Path

_UNKNOWN = "see the package"

#: Licences that ask for no more than their own text to be kept.
_PERMISSIVE = re.compile(
    r"\b(mit(-0|-cmu)?|x11|expat|(0|new|modified|simplified|revised)?[ -]?bsd([- ]?[0-4][- ]clause)?(-patent|-clear)?"
    r"|[0-4]-clause[- ]bsd|apache|asl ?2|isc|iscl|psf|python software foundation|python-2\.0(\.1)?|cnri-python|cc0"
    r"|(the )?unlicense|public[ -]domain|zlib|libpng|hpnd|historical permission|postgresql|zpl|zope public|upl"
    r"|universal permissive"
    r"|ncsa|bsl-1\.0|boost|wtfpl|blueoak-1\.0\.0|afl-[23]|academic free|w3c|python license)",
    re.IGNORECASE,
)
#: Named beside a permissive one these still bind.
_BINDING = re.compile(
    r"gpl|gnu |general public|mpl|mozilla|epl|eclipse|cddl|cecill|eupl|osl-|artistic|sspl|busl|business source|elastic"
    r"|commons clause|polyform|proprietary|commercial|non-?commercial|all rights|fair source|fsl|cc-by|creative commons"
    r"|rail|llama|sustainable|unlicensed|other/",
    re.IGNORECASE,
)
_TEXTS = (
    ("GPL", re.compile(r"GNU (?:LESSER |AFFERO |LIBRARY )?GENERAL PUBLIC", re.IGNORECASE)),
    ("MPL", re.compile(r"Mozilla Public License", re.IGNORECASE)),
    ("Apache-2.0", re.compile(r"Apache License,?\s+Version 2\.0", re.IGNORECASE)),
    ("MIT", re.compile(r"Permission is hereby granted, free of charge, to any person")),
    ("BSD", re.compile(r"Redistribution and use in source and binary forms")),
    ("ISC", re.compile(r"Permission to use, copy, modify,? and/?\s?(?:or )?distribute this software", re.IGNORECASE)),
    ("Unlicense", re.compile(r"free and unencumbered software released into the public domain")),
)


def permissive(licence: str) -> bool:
    """Whether a declared licence, an SPDX expression or plain words, lets its text be used for its notice alone.

    Of alternatives one must; of licences that hold together all.
    """
    while (group := re.search(r"\(([^()]*)\)", licence)) is not None:
        inside = group.group(1)
        if re.search(r"\b(AND|OR)\b", inside):
            inside = "MIT" if permissive(inside) else "proprietary"
        licence = f"{licence[: group.start()]} {inside} {licence[group.end() :]}"
    return any(
        all(_PERMISSIVE.search(one) and not _BINDING.search(one) for one in re.split(r"\bAND\b|;", choice))
        for choice in re.split(r"\bOR\b|/(?=[A-Z])", licence)
    )


def told_by_text(text: str) -> str:
    """The short name of the licence whose text this is; `unknown` where it is none of the common ones."""
    return next((name for name, words in _TEXTS if words.search(text)), "unknown")


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
                licence = (
                    declared(
                        headers.get("License-Expression"), headers.get("License"), headers.get_all("Classifier") or []
                    )
                    or _UNKNOWN
                )
                for name in _top_levels(info) | {(headers.get("Name") or "").replace("-", "_").lower()}:
                    self._licence.setdefault(name, licence)

    def of(self, packages: Iterable[str]) -> dict[str, str]:
        """Licence of each package, sorted by name."""
        return {name: self._licence.get(name, _UNKNOWN) for name in sorted(packages)}


def declared(expression: str | None, text: str | None, classifiers: list[str]) -> str:
    """What a distribution's metadata say of its licence, in a few words; empty when they say nothing."""
    if expression:
        return expression
    if text and "\n" not in text and 2 < len(text) < 60 and text.upper() != "UNKNOWN":
        return text
    names = [line.rsplit("::", 1)[1].strip() for line in classifiers if line.startswith("License ::")]
    return ", ".join(name for name in names if name not in ("OSI Approved",))


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
