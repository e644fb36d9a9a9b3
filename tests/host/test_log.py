"""The log of an engine that stays for weeks."""

from __future__ import annotations

import os
from pathlib import Path

from kvlsp.host.log import DROPPED, shorten


def appending(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)


def test_the_newest_lines_stay_and_what_follows_comes_behind_them(tmp_path):
    log = appending(tmp_path / "log")
    for number in range(100):
        os.write(log, b"line %03d\n" % number)
    shorten(log, most=500, kept=40)
    os.write(log, b"the next\n")
    assert (tmp_path / "log").read_bytes() == DROPPED + b"line 096\nline 097\nline 098\nline 099\nthe next\n"
    os.close(log)


def test_a_short_one_is_left_as_it_is(tmp_path):
    log = appending(tmp_path / "log")
    os.write(log, b"x" * 500)
    shorten(log, most=500, kept=40)
    assert (tmp_path / "log").stat().st_size == 500
    os.close(log)


def test_one_long_line_is_bounded_too(tmp_path):
    log = appending(tmp_path / "log")
    os.write(log, b"x" * 5000)
    shorten(log, most=500, kept=40)
    assert (tmp_path / "log").stat().st_size <= len(DROPPED) + 40
    os.close(log)


def test_what_is_no_file_is_left_alone():
    read, write = os.pipe()
    os.write(write, b"x" * 600)
    shorten(write, most=500, kept=40)
    assert os.read(read, 1000) == b"x" * 600
    os.close(read)
    os.close(write)
