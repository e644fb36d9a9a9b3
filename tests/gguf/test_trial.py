"""A file over which llama.cpp ended its process ends one of its own, and is refused with a sentence."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("llama_cpp", reason="GGUF models take llama-cpp-python")

from kvlsp.config import Settings
from kvlsp.errors import ModelBroken, OutOfMemory, TokenizerError
from kvlsp.gguf import trial
from kvlsp.gguf.trial import survive
from kvlsp.gguf.vocabulary import definition
from kvlsp.opening.model import open_model
from tests.support.llama import tiny_file, with_metadata


@pytest.mark.parametrize("changes", [
    {"llama.expert_count": 3}, {"llama.expert_used_count": 2}, {"tokenizer.ggml.tokens": ["a"] * 263},
])  # fmt: skip
def test_a_file_that_ends_llama_cpp_s_process_does_not_end_ours(tmp_path: Path, changes: dict[str, object]) -> None:
    path = with_metadata(tiny_file(1), tmp_path / "odd.gguf", changes)
    with pytest.raises(ModelBroken, match=r"ended its process \(GGML_ASSERT.*Fetch it again"):
        open_model(Settings(model=str(path)))


def test_what_was_survived_once_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    survive(tiny_file(1), "one", 1000, folder=tmp_path)

    def run(*args: object, **more: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess([], -6, stdout=b"begun\n", stderr=b"")

    monkeypatch.setattr(trial.subprocess, "run", run)
    survive(tiny_file(1), "one", 1000, folder=tmp_path)
    for identity in ("another", ""):
        with pytest.raises(ModelBroken, match="with code -6"):
            survive(tiny_file(1), identity, 1000, folder=tmp_path)


def test_a_process_that_the_system_kills_ran_out_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*args: object, **more: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess([], -9, stdout=b"begun\n", stderr=b"")

    monkeypatch.setattr(trial.subprocess, "run", run)
    with pytest.raises(OutOfMemory, match="smaller file of the model"):
        survive(tiny_file(1), "one", 1000, folder=tmp_path)
    assert not list(tmp_path.iterdir()), "with more memory it may open"


def test_a_process_that_says_that_memory_ran_out_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*args: object, **more: object) -> subprocess.CompletedProcess[bytes]:
        said = b"terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\n"
        return subprocess.CompletedProcess([], -6, stdout=b"begun\n", stderr=said)

    monkeypatch.setattr(trial.subprocess, "run", run)
    with pytest.raises(OutOfMemory, match=r"Memory ran out.*smaller file of the model"):
        survive(tiny_file(1), "one", 1000, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_that_hangs_is_not_waited_for_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], *, timeout: float, **more: object) -> subprocess.CompletedProcess[bytes]:
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(trial.subprocess, "run", run)
    with pytest.raises(ModelBroken, match="did not finish within 350 s"):
        survive(tiny_file(1), "one", 1_000_000_000, folder=tmp_path)


def test_where_no_process_can_be_had_the_file_is_opened_all_the_same(tmp_path, monkeypatch) -> None:
    def run(*args: object, **more: object) -> subprocess.CompletedProcess[bytes]:
        raise OSError(12, "no memory for another process")

    monkeypatch.setattr(trial.subprocess, "run", run)
    survive(tiny_file(1), "one", 1000, folder=tmp_path)
    assert not list(tmp_path.iterdir()), "nobody knows yet"


@pytest.mark.parametrize("changes", [
    {"tokenizer.ggml.tokens": [1, 2]}, {"tokenizer.ggml.tokens": [["a"]]}, {"tokenizer.ggml.merges": [5]},
    {"tokenizer.ggml.token_type": [1]}, {"tokenizer.ggml.token_type": "x"}, {"tokenizer.ggml.scores": ["high"]},
    {"tokenizer.ggml.tokens": None},
])  # fmt: skip
def test_lists_that_are_not_of_what_they_should_be_are_refused(changes: dict[str, object]) -> None:
    said = {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "gpt-2", "tokenizer.ggml.tokens": ["a", "b", "ab"],
            "tokenizer.ggml.merges": ["a b"], "tokenizer.ggml.token_type": [1, 1, 1]}  # fmt: skip
    definition(said)
    with pytest.raises(TokenizerError, match=r"Fetch the file|Name the file"):
        definition({**said, **changes})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no files there that hang")
def test_the_process_ends_with_the_one_that_began_it_however_that_ends(tmp_path: Path) -> None:
    endless = tmp_path / "endless.gguf"
    os.mkfifo(endless)
    code = f"from pathlib import Path; from kvlsp.gguf.trial import survive; survive(Path({str(endless)!r}), '', 0)"
    daemon = subprocess.Popen([sys.executable, "-c", code])
    try:
        writing = os.open(endless, os.O_WRONLY)  # waits until llama.cpp reads, of which there is no end now
    finally:
        daemon.kill()
        daemon.wait()
    reader_gone = select.poll()
    reader_gone.register(writing, 0)
    try:
        assert reader_gone.poll(60_000), "it still hangs over the file, a minute later"
    finally:
        os.close(writing)
