"""The folder keeps its bound, names no path, and sweeps what processes that died have left."""

from __future__ import annotations

import os
import stat

import pytest

from kvlsp.bounded_folder import UNUSED_DAYS
from kvlsp.shelf.folder import Folder

DAY = 86_400.0
NOW = 1000 * DAY


@pytest.fixture
def folder(tmp_path):
    folder = Folder(tmp_path / "rows", 100)
    folder.prepare()
    return folder


def put(folder, name: str, size: int, age: float) -> None:
    path = folder.path / name
    path.write_bytes(bytes(size))
    os.utime(path, (NOW - age, NOW - age))


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.path.iterdir())


def test_the_longest_unused_go_until_the_rest_fits(folder):
    for number in range(6):
        put(folder, f"{number}.rows", 30, age=number)
    assert folder.sweep(NOW) == 90
    assert names(folder) == ["0.rows", "1.rows", "2.rows"]
    folder.used(folder.path / "2.rows")
    put(folder, "9.rows", 30, age=-1)
    folder.sweep(NOW)
    assert names(folder) == ["0.rows", "2.rows", "9.rows"]


def test_a_disk_that_is_nearly_full_is_not_filled(folder):
    for number in range(3):
        put(folder, f"{number}.rows", 30, age=number)
    assert folder.sweep(NOW, free=300) == 90
    assert folder.sweep(NOW, free=200) == 60
    assert folder.sweep(NOW, free=0) == 0
    assert names(folder) == []


def test_what_a_nearly_full_disk_would_not_keep_is_not_written(folder):
    put(folder, "0.rows", 40, age=1)
    assert folder.takes(90, free=320)
    assert not folder.takes(91, free=320)
    assert not folder.takes(101, free=1 << 40)


def test_unfinished_files_count_while_somebody_may_be_writing_them_and_then_go(folder):
    put(folder, "a-1.part", 80, age=10)
    put(folder, "b-2.part", 80, age=3600)
    put(folder, "c.rows", 30, age=5)
    folder.sweep(NOW)
    assert names(folder) == ["a-1.part"]


def test_what_nobody_has_used_for_long_goes(folder):
    put(folder, "old.rows", 1, age=(UNUSED_DAYS + 1) * DAY)
    put(folder, "new.rows", 1, age=DAY)
    put(folder, "mine.txt", 1, age=999 * DAY)
    folder.sweep(NOW)
    assert names(folder) == ["mine.txt", "new.rows"]


def test_a_name_tells_neither_path_nor_model(folder):
    path = folder.file("the key", "file:///home/me/secret_plan.py")
    assert path.parent == folder.path
    assert "secret" not in path.name
    assert path != folder.file("another key", "file:///home/me/secret_plan.py")
    assert path != folder.file("the key", "file:///home/me/other_plan.py")
    assert folder.file("the key", "file:///\ud800.py") != path


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_nobody_else_may_look_into_it(tmp_path):
    folder = Folder(tmp_path / "there" / "rows", 1)
    folder.prepare()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    folder.path.chmod(0o755)
    folder.prepare()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
