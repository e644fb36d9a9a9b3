"""Whatever lies under a name: a file is read to a bound, a device not at all, a pipe only where one is wanted."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from kvlsp import plain_file

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such files there")


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_a_file_is_read_as_far_as_it_may_be_long(tmp_path):
    (tmp_path / "file").write_bytes(b"text")
    assert plain_file.read(tmp_path / "file", 4) == b"text"
    with pytest.raises(ValueError, match="larger than"):
        plain_file.read(tmp_path / "file", 3)


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null", "."])
def test_what_is_no_file_is_refused(name):
    for pipes in (False, True):
        with pytest.raises(OSError, match=r"not a plain file|directory"):
            plain_file.read(Path(name), 1 << 20, pipes=pipes)


def test_a_pipe_that_nobody_fills_is_not_waited_for(pipe):
    with pytest.raises(OSError, match="not a plain file"):
        plain_file.read(pipe, 1 << 20)
    assert plain_file.read(pipe, 1 << 20, pipes=True) == b""


def test_a_pipe_that_somebody_fills_is_read_to_its_end(tmp_path):
    """As a shell gives it: ``kvlsp next a.py --after <(git diff a.py)``."""
    reading, writing = os.pipe()
    writer = os.fdopen(writing, "wb")
    thread = threading.Thread(target=lambda: (writer.write(b"x" * 200_000), writer.close()))
    try:
        thread.start()
        assert plain_file.read(Path(f"/dev/fd/{reading}"), 1 << 20, pipes=True) == b"x" * 200_000
    finally:
        thread.join()
        os.close(reading)
