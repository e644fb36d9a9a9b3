from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kvlsp.errors import ModelBroken
from kvlsp.laboratory.training.travel import pack, unpack

FILES = {"config.json": b"{}\n", "model.safetensors": bytes(range(256)) * 40, "README.md": b"# A model\n"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    for name, data in FILES.items():
        (tmp_path / "model" / name).write_bytes(data)
    return tmp_path / "model"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_small_pieces_make_the_whole_again(model: Path, tmp_path: Path):
    pieces = pack(model, tmp_path / "home", piece=100)
    assert len(pieces) > 2
    assert all(path.stat().st_size <= 100 for path in pieces)
    unpack(tmp_path / "home", tmp_path / "again")
    assert contents(tmp_path / "again") == FILES


def test_ordinary_tools_do_it_too(model: Path, tmp_path: Path):
    pack(model, tmp_path / "home", piece=100)
    (tmp_path / "by-hand").mkdir()
    command = f"cat {tmp_path}/home/model.tar.xz.[0-9]* | tar xJ -C {tmp_path}/by-hand"
    subprocess.run(["sh", "-c", command], check=True)
    assert contents(tmp_path / "by-hand") == FILES


def test_a_second_packing_leaves_nothing_of_the_first(model: Path, tmp_path: Path):
    pack(model, tmp_path / "home", piece=50)
    assert len(pack(model, tmp_path / "home")) == 1
    assert {path.name for path in (tmp_path / "home").iterdir()} == {"model.tar.xz.000", "model.tar.xz.sha256"}


def test_a_piece_that_is_missing_is_noticed(model: Path, tmp_path: Path):
    pack(model, tmp_path / "home", piece=100)[1].unlink()
    with pytest.raises(ModelBroken, match="not all there"):
        unpack(tmp_path / "home", tmp_path / "again")
    with pytest.raises(ModelBroken, match="no packed model"):
        unpack(tmp_path / "nowhere", tmp_path / "again")
