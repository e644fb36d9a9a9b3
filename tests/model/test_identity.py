"""A checkpoint is known by its files, not by where they lie nor when they were written."""

from __future__ import annotations

import os
import shutil

import pytest

from kvlsp import default_model
from kvlsp.model.identity import identity


@pytest.fixture
def folder(tmp_path):
    for number, content in enumerate((bytes(3 << 20), b"x" * 1000)):
        (tmp_path / f"model-{number}.safetensors").write_bytes(content)
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


def test_a_copy_elsewhere_is_the_same_model(folder, tmp_path_factory):
    copy = tmp_path_factory.mktemp("other") / "copy"
    shutil.copytree(folder, copy)
    os.utime(copy / "model-0.safetensors", (1, 1))
    assert identity(copy) == identity(folder) != ""


def test_other_weights_of_the_same_size_are_another_model(folder):
    before = identity(folder)
    path = folder / "model-0.safetensors"
    content = bytearray(path.read_bytes())
    content[2 << 20 : (2 << 20) + 8192] = b"y" * 8192  # somewhere inside, the time of change put back
    times = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert identity(folder) != before


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_other_settings_or_tokens_are_another_model(folder, name):
    before = identity(folder)
    (folder / name).write_text('{"other": 1}')
    assert identity(folder) != before


def test_what_cannot_be_read_is_no_model(tmp_path):
    assert identity(tmp_path / "nothing") == ""
    assert identity(default_model.folder())
