from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kvlsp.laboratory.evaluation.sandbox import Limits, run

QUICK = Limits(seconds=1, memory=1 << 28)

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limits are those of Linux")


def test_a_program_that_ends_passes_and_one_that_raises_fails():
    assert run("assert 1 + 1 == 2\n") == "passed"
    assert run("assert 1 + 1 == 3\n") == "failed"
    assert run("import math, typing, collections, hashlib, re\nassert math.gcd(4, 6) == 2\n") == "passed"


def test_a_program_that_leaves_early_has_not_passed():
    assert run("raise SystemExit(0)\n") == "failed"
    assert run("import os\nos._exit(0)\n") == "failed"


def test_a_program_that_does_not_compile_fails():
    assert run("def f(:\n") == "failed"
    assert run("x = '\0'\n") == "failed"


@linux
def test_an_endless_program_is_ended():
    assert run("while True: pass\n", QUICK) == "timed out"


@linux
def test_memory_is_limited():
    assert run("x = 'a' * (1 << 30)\n", QUICK) == "failed"
    assert (
        run(
            "try:\n    x = 'a' * (1 << 30)\nexcept MemoryError:\n    pass\nelse:\n    raise SystemExit(1)\n",
            QUICK,
        )
        == "passed"
    )


@pytest.mark.parametrize(
    "program",
    [
        "import socket\nsocket.create_connection(('127.0.0.1', 9), 1)\n",
        "import socket\nsocket.socket()\n",
        "import os\nos.system('true')\n",
        "import subprocess\nsubprocess.run(['true'])\n",
        "import os\nos.fork()\n",
        "import os\nos.remove('/nowhere')\n",
        "import ctypes\nctypes.CDLL(None)\n",
    ],
)
def test_network_processes_and_removal_are_refused(program: str):
    guarded = (
        "try:\n    " + program.strip().replace("\n", "\n    ") + "\nexcept PermissionError:\n    pass\n"
        "else:\n    raise SystemExit('it was allowed')\n"
    )
    assert run(guarded) == "passed"
    assert run(program) == "failed"


def test_files_are_not_written(tmp_path: Path):
    target = tmp_path / "written"
    assert run(f"open({str(target)!r}, 'w').write('x')\n") == "failed"
    assert not target.exists()


def test_the_environment_is_not_passed_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KVLSP_TEST_SECRET", "1")
    assert run("import os\nassert 'KVLSP_TEST_SECRET' not in os.environ\n") == "passed"
