"""Standard streams that are closed or full: one sentence and an exit code."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PLACE = "def add(left, right):\n    return "

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="streams are closed by a shell of Unix")


def shell(arguments: str, streams: str, tmp_path) -> subprocess.CompletedProcess[str]:
    (tmp_path / "a.py").write_text(PLACE)
    command = f'"{sys.executable}" -m kvlsp {arguments} {streams}'
    return subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "OMP_NUM_THREADS": "1"})


@pytest.mark.parametrize(("arguments", "streams", "said"), [
    ("", "<&-", "standard input is closed"),
    ("serve --stdio", "</dev/null >&-", "standard output is closed"),
    ("serve", "<&- >&-", "standard input and standard output are closed"),
    ("complete a.py:2:12", ">&-", "Standard output is closed"),
    ("--help", ">/dev/full", "could not be written (No space left on device)"),
    ("--version", ">/dev/full", "could not be written (No space left on device)"),
])
def test_one_sentence(arguments, streams, said, tmp_path):
    if "/dev/full" in streams and not os.path.exists("/dev/full"):
        pytest.skip("this system has no such device")
    done = shell(arguments, streams, tmp_path)
    assert done.returncode == 2
    [sentence] = done.stderr.splitlines()
    assert sentence.startswith("kvlsp: ")
    assert said in sentence


def test_what_a_stream_has_no_characters_for_is_escaped(tmp_path):
    (tmp_path / "sums.py").write_text("def größe(x):\n    return x  # 漢\n", encoding="utf-8")
    (tmp_path / "use.py").write_text("from sums import größe\n\nprint(größe(", encoding="utf-8")
    command = [sys.executable, "-m", "kvlsp", "context", "use.py:3:13"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120,
                          env={**os.environ, "PYTHONIOENCODING": "latin-1"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"return x  # \\u6f22" in done.stdout


def test_the_log_may_be_closed(tmp_path):
    done = shell("serve", "2>&- </dev/null", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
