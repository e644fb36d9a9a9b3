"""A folder shares its bound with those beside it, and a file is there whole or not at all."""

from __future__ import annotations

import os
import stat

import pytest

from kvlsp.bounded_folder import BoundedFolder, written


def folder_of(path, bound: int, *beside: BoundedFolder) -> BoundedFolder:
    made = BoundedFolder(path, bound, ".kept", beside)
    made.prepare()
    return made


def put(folder: BoundedFolder, name: str, size: int, age: float = 0) -> None:
    path = folder.path / name
    path.write_bytes(bytes(size))
    os.utime(path, (1e9 - age, 1e9 - age))


def test_what_lies_beside_takes_room(tmp_path):
    other = folder_of(tmp_path / "other", 50)
    folder = folder_of(tmp_path / "one", 100, other)
    put(other, "a.kept", 40)
    for number in range(3):
        put(folder, f"{number}.kept", 30, age=number)
    assert folder.sweep(1e9, free=1000) == 60
    assert other.held() == 40
    assert folder.takes(60, free=1000)
    assert not folder.takes(61, free=1000)
    put(other, "b.kept", 90)
    assert folder.sweep(1e9, free=1000) == 0, "nothing of its own is left, nothing of theirs is touched"
    assert other.held() == 130


def test_a_nearly_full_disk_is_shared_too(tmp_path):
    other = folder_of(tmp_path / "other", 1000)
    folder = folder_of(tmp_path / "one", 1000, other)
    put(other, "a.kept", 40)
    assert folder.takes(60, free=360)
    assert not folder.takes(61, free=360)


def test_a_file_is_there_when_it_is_whole(tmp_path):
    path = tmp_path / "a.kept"
    with written(path) as file:
        file.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(TypeError), written(path) as file:
        file.write("text")  # type: ignore[arg-type]
    assert path.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [path]
