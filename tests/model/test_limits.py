"""What a container, a service or ulimit leaves of the machine's memory is what there is to plan with."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from kvlsp.errors import TokenizerError
from kvlsp.model import limits, memory
from kvlsp.model.limits import is_shortage, left, tells_of_shortage

MIB = 1 << 20


def group(folder: Path, most: str, used: int, files: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{most}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon {used}\ninactive_file {files}\nactive_file 0\n")


def process(folder: Path, groups: str) -> Path:
    folder.mkdir()
    (folder / "cgroup").write_text(groups)
    return folder


def test_the_tightest_group_counts_and_its_files_make_room(tmp_path):
    groups, own = tmp_path / "groups", process(tmp_path / "own", "0::/user.slice/editor.scope\n")
    group(groups / "user.slice" / "editor.scope", "max", 100 * MIB)
    assert left(groups, own) is None
    group(groups / "user.slice", str(900 * MIB), 500 * MIB, files=50 * MIB)
    assert left(groups, own) == 450 * MIB
    group(groups / "user.slice" / "editor.scope", str(100 * MIB), 100 * MIB)
    assert left(groups, own) == 0
    group(groups / "user.slice" / "editor.scope", str(100 * MIB), 130 * MIB)
    assert left(groups, own) == 0, "the system is late to end it"


def test_a_mark_beyond_which_a_group_is_slowed_down_bounds_like_its_limit(tmp_path):
    groups, own = tmp_path / "groups", process(tmp_path / "own", "0::/editor.scope\n")
    group(groups / "editor.scope", "max", 100 * MIB)
    (groups / "editor.scope" / "memory.high").write_text("max\n")
    assert left(groups, own) is None
    (groups / "editor.scope" / "memory.high").write_text(f"{400 * MIB}\n")
    assert left(groups, own) == 300 * MIB
    group(groups / "editor.scope", str(350 * MIB), 100 * MIB)
    assert left(groups, own) == 250 * MIB


def test_a_container_that_sees_its_own_group_as_the_root(tmp_path):
    groups = tmp_path / "groups"
    group(groups, str(800 * MIB), 300 * MIB)
    for number, path in enumerate(("/", "/a/path/of/the/host")):
        assert left(groups, process(tmp_path / f"own{number}", f"0::{path}\n")) == 500 * MIB


def test_the_first_version_of_groups(tmp_path):
    own = process(tmp_path / "own", "7:cpu,cpuacct:/other\n4:memory:/docker/abc\n1:name=systemd:/x\n")
    folder = tmp_path / "groups" / "memory" / "docker" / "abc"
    folder.mkdir(parents=True)
    (folder / "memory.limit_in_bytes").write_text(str(700 * MIB))
    (folder / "memory.usage_in_bytes").write_text(str(200 * MIB))
    (folder / "memory.stat").write_text(f"inactive_file 1\ntotal_inactive_file {10 * MIB}\n")
    assert left(tmp_path / "groups", own) == 510 * MIB


@pytest.mark.parametrize("said", ["", "nonsense", "0:\n::\n", "0::/x\n\n\n"])
def test_what_says_nothing_is_no_limit(tmp_path, said):
    assert left(tmp_path / "groups", process(tmp_path / "own", said)) is None
    assert left(tmp_path / "groups", tmp_path / "none") is None


@pytest.mark.parametrize(("allowed", "free"), [(None, 5), (3, 3), (7, 5)])
def test_free_is_what_both_allow(monkeypatch, allowed, free):
    monkeypatch.setattr(memory, "left", lambda: allowed)
    monkeypatch.setattr(memory, "_of_the_system", lambda: 5)
    assert memory.free_memory(torch.device("cpu")) == free


@pytest.mark.skipif(not limits.OWN.is_dir(), reason="this system does not tell what a process has taken")
def test_ulimit_is_heard():
    program = ("import resource; resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30)); "
               "from kvlsp.model.limits import left; print(left())")
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert 0 < int(said) < 8 << 30


@pytest.mark.parametrize(("error", "short"), [
    (MemoryError(), True),
    (OSError(errno.ENOMEM, "Cannot allocate memory"), True),
    (RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried "
                  "to allocate 4000000000000000 bytes. Error code 12 (Cannot allocate memory)"), True),
    (RuntimeError("unable to mmap 988097824 bytes from file <x>: Cannot allocate memory (12)"), True),
    (OSError(errno.ENOENT, "No such file"), False),
    (RuntimeError("shape '[3]' is invalid for input of size 4"), False),
    (ValueError("out of memory"), False),
])  # fmt: skip
def test_a_shortage_is_told_from_other_failures(error, short):
    assert is_shortage(error) is short


@pytest.mark.parametrize("said", [
    "unable to allocate CPU buffer", "mmap failed: Cannot allocate memory", "failed to allocate buffer of size 1",
    "terminate called after throwing an instance of 'std::bad_alloc'", "insufficient memory (attempted to allocate 9)",
])  # fmt: skip
def test_llama_cpp_says_a_shortage_in_these_words(said):
    assert tells_of_shortage(said)
    assert is_shortage(RuntimeError(said))
    assert not tells_of_shortage("tensor 'output.weight' data is not within the file bounds")


def test_what_was_raised_from_a_shortage_is_one():
    middle, outer = ValueError("the tokenizer cannot be read"), TokenizerError("fetch it again")
    outer.__cause__ = middle
    assert not is_shortage(outer)
    middle.__cause__ = MemoryError()
    assert is_shortage(outer)


def test_torch_says_a_shortage_in_these_words():
    with pytest.raises(RuntimeError) as refused:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_shortage(refused.value)
