from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from kvlsp.laboratory.training.archives import BrokenArchive, read_package

MIT_TEXT = "Permission is hereby granted, free of charge, to any person obtaining a copy"


def wheel(path: Path, files: Mapping[str, str | bytes], licence: str = "License-Expression: MIT\n") -> Path:
    """A wheel of a package `alpha` with ``files``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as file:
        for name, text in files.items():
            file.writestr(name, text)
        file.writestr(
            "alpha-1.2.dist-info/METADATA", f"Metadata-Version: 2.4\nName: Alpha\nVersion: 1.2\n{licence}\nText\n"
        )
    return path


def npm_package(
    path: Path, files: Mapping[str, str], name: str = "@one/alpha", licence: object = "MIT", top: str = "package"
) -> Path:
    """A package of npm with ``files``."""
    manifest = {"name": name, "version": "1.2.0"} | ({} if licence is None else {"license": licence})
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as file:
        for inside, text in {**files, "package.json": json.dumps(manifest)}.items():
            member = tarfile.TarInfo(f"{top}/{inside}")
            member.size = len(text.encode())
            file.addfile(member, io.BytesIO(text.encode()))
    return path


def test_a_wheel_is_read_in_place(tmp_path: Path):
    files = {
        "alpha/b.py": "\ufeffx = 1\r\n",
        "alpha/a.py": b"\xff\xfe",
        "alpha/c.js": "x",
        "alpha/data.json": "{}",
        "alpha-1.2.data/scripts/run.py": "run()\n",
    }
    package = read_package(wheel(tmp_path / "alpha-1.2-py3-none-any.whl", files))
    assert (package.name, package.version, package.licence, package.permissive) == ("alpha", "1.2", "MIT", True)
    assert [(str(path), text) for path, text in package.files] == [("alpha/a.py", None), ("alpha/b.py", "x = 1\n")]
    assert [path.name for path in tmp_path.iterdir()] == ["alpha-1.2-py3-none-any.whl"]


def test_a_package_of_npm_is_read_in_place(tmp_path: Path):
    files = {
        "src/b.ts": "let x = 1;\n",
        "index.js": "run();\n",
        "index.d.ts": "declare const x: number;\n",
        "README.md": "a",
    }
    package = read_package(npm_package(tmp_path / "alpha.tgz", files, top="alpha-1.2.0"))
    assert (package.name, package.version, package.licence, package.permissive) == ("@one/alpha", "1.2.0", "MIT", True)
    assert {str(path): text for path, text in package.files} == {
        "@one/alpha/index.js": "run();\n",
        "@one/alpha/src/b.ts": "let x = 1;\n",
    }


def test_nothing_is_read_of_a_package_that_binds(tmp_path: Path):
    for licence in ("License-Expression: GPL-3.0-only\n", "License: UNKNOWN\n", ""):
        package = read_package(wheel(tmp_path / "a.whl", {"alpha/b.py": "x = 1\n"}, licence))
        assert not package.permissive
        assert package.files == []
    for declared in ("UNLICENSED", None, {"type": "LGPL-3.0"}):
        package = read_package(npm_package(tmp_path / "a.tgz", {"b.ts": "x\n"}, licence=declared))
        assert not package.permissive
        assert package.files == []


def test_without_a_word_in_the_metadata_the_text_of_the_licence_counts(tmp_path: Path):
    files = {"alpha/b.py": "x = 1\n", "alpha-1.2.dist-info/licenses/LICENSE": MIT_TEXT}
    assert read_package(wheel(tmp_path / "a.whl", files, "")).licence == "MIT"
    two = {**files, "alpha-1.2.dist-info/COPYING": "GNU GENERAL PUBLIC LICENSE"}
    assert not read_package(wheel(tmp_path / "b.whl", two, "")).permissive
    assert read_package(npm_package(tmp_path / "a.tgz", {"b.ts": "x\n", "LICENSE": MIT_TEXT}, licence=None)).permissive
    old = [{"type": "MIT"}, {"type": "GPL"}]
    assert read_package(npm_package(tmp_path / "b.tgz", {"b.ts": "x\n"}, licence=old)).permissive


@pytest.mark.parametrize("name", ["a.whl", "a.tgz"])
def test_what_is_no_archive_is_said(tmp_path: Path, name: str):
    (tmp_path / name).write_bytes(b"no archive")
    with pytest.raises(BrokenArchive, match=name):
        read_package(tmp_path / name)
