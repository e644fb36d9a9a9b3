"""The page's bundle is committed, so that a fresh clone needs no Node; it is the one that the sources make."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kvlsp.playground.pages import BUNDLE, KINDS

SOURCES = Path(__file__).parents[2] / "editors" / "playground"
NAMED = ("index.html", "package-lock.json", "package.json", "tsconfig.json", "vite.config.js")


def test_the_bundle_was_built_from_these_sources():
    digest = hashlib.sha256()
    for name in sorted([*NAMED, *(f"src/{file.name}" for file in (SOURCES / "src").iterdir())]):
        digest.update(f"{name}\n".encode() + (SOURCES / name).read_bytes())
    assert (BUNDLE / "sources").read_text(encoding="ascii").strip() == digest.hexdigest(), (
        "the page's sources have changed: (cd editors/playground && npm ci && npm run build)")


def test_the_bundle_is_small_and_whole():
    files = {file.name for file in BUNDLE.iterdir()}
    assert files == {"index.html", "page.css", "page.js", "sources"}
    assert sum(file.stat().st_size for file in BUNDLE.iterdir()) < 700_000
    assert all(Path(name).suffix in KINDS for name in files - {"sources"})


def test_nothing_is_fetched_from_elsewhere():
    index, style = ((BUNDLE / name).read_text(encoding="utf-8") for name in ("index.html", "page.css"))
    assert not re.search(r"https?:|//[a-z]|<style|style=|onclick|javascript:", index + style)
    assert "url(" not in style
    assert index.count('nonce="NONCE"') == 1


@pytest.mark.slow
def test_a_build_gives_the_same_bytes(tmp_path):
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm is installed")
    copy = tmp_path / "editors" / "playground"
    shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("node_modules"))
    for command in (["ci", "--silent"], ["run", "--silent", "build"]):
        subprocess.run([npm, *command], cwd=copy, env={**os.environ, "BUNDLE": str(tmp_path / "bundle")}, timeout=280,
                       check=True)
    for file in BUNDLE.iterdir():
        assert (tmp_path / "bundle" / file.name).read_bytes() == file.read_bytes(), file.name
