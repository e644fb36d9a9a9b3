from __future__ import annotations

import pytest

from kvlsp.laboratory.training.licences import declared, permissive, told_by_text

MIT_TEXT = "Copyright (c) A. Person\n\nPermission is hereby granted, free of charge, to any person obtaining a copy"
GPL_TEXT = "                    GNU GENERAL PUBLIC LICENSE\n                       Version 3, 29 June 2007"


@pytest.mark.parametrize(
    "licence",
    [
        "MIT", "MIT License", "mit", "MIT-0", "BSD", "BSD-3-Clause", "3-Clause BSD License", "New BSD License",
        "BSD 2-Clause", "Apache-2.0", "Apache 2.0", "Apache License, Version 2.0", "Apache Software License", "ASL 2",
        "ISC", "ISC License (ISCL)", "PSF-2.0", "Python Software Foundation License", "CC0-1.0", "Unlicense",
        "The Unlicense (Unlicense)", "0BSD", "Zlib", "ZPL-2.1", "HPND", "Public Domain", "MIT AND PSF-2.0",
        "MIT OR GPL-3.0", "(MIT OR Apache-2.0)", "GPL-2.0-only OR BSD-3-Clause", "Apache-2.0 AND (MIT OR MPL-2.0)",
        "(MIT AND (BSD-3-Clause OR GPL-2.0)) OR MPL-2.0", "MIT/X11", "BSD-3-Clause OR AFL-2.1",
    ],
)  # fmt: skip
def test_permissive_licences(licence: str):
    assert permissive(licence), licence


@pytest.mark.parametrize(
    "licence",
    [
        "", "GPL", "GPLv3+", "GNU General Public License v3 or later (GPLv3+)", "LGPL-2.1", "AGPL-3.0-only",
        "MPL-2.0", "Mozilla Public License 2.0 (MPL 2.0)", "EPL-2.0", "CC-BY-NC-4.0", "BUSL-1.1", "SSPL-1.0",
        "Elastic License 2.0", "Proprietary", "Other/Proprietary License", "UNLICENSED", "see the package",
        "MIT AND GPL-2.0", "MIT AND MPL-2.0", "Apache-2.0 with Commons Clause", "Permission required",
        "BSD License, GNU General Public License (GPL)", "Dual License", "SEE LICENSE IN LICENSE.md",
        "GPL-3.0 AND (MIT OR BSD-3-Clause)", "MIT AND (GPL-2.0 OR MPL-2.0)", "Llama 3 Community License",
        "FSL-1.1-MIT",
    ],
)  # fmt: skip
def test_licences_that_bind_or_say_nothing(licence: str):
    assert not permissive(licence), licence


def test_what_a_distribution_declares():
    classifiers = [
        "Programming Language :: Python",
        "License :: OSI Approved :: BSD License",
        "License :: OSI Approved",
    ]
    assert declared("MIT", "BSD", classifiers) == "MIT"
    assert declared(None, "Apache 2.0", classifiers) == "Apache 2.0"
    assert declared(None, MIT_TEXT, classifiers) == "BSD License"
    assert declared(None, "UNKNOWN", []) == ""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (MIT_TEXT, "MIT"),
        (GPL_TEXT, "GPL"),
        ("Apache License\n   Version 2.0, January 2004", "Apache-2.0"),
        ("Redistribution and use in source and binary forms, with or without", "BSD"),
        ("You may do nothing.", "unknown"),
        (MIT_TEXT + "\n\nParts are under the GNU Lesser General Public License.", "GPL"),
    ],
)
def test_a_licence_is_told_by_its_text(text: str, name: str):
    assert told_by_text(text) == name
    assert permissive(name) == (name in ("MIT", "Apache-2.0", "BSD"))
