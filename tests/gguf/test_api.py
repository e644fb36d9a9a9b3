"""What llama.cpp says when it cannot open a file, and what is made of that; bindings are stood in for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from kvlsp.errors import ModelBroken, OutOfMemory
from kvlsp.gguf.api import LlamaModel, llama


class Refusing(SimpleNamespace):
    """Bindings of a llama.cpp that opens nothing and logs ``why``."""

    __hash__ = object.__hash__

    def __init__(self, why: str) -> None:
        super().__init__(
            llama_log_callback=lambda function: function, llama_log_set=self.set, llama_backend_init=lambda: None,
            llama_model_default_params=SimpleNamespace, llama_model_load_from_file=self.load,
        )  # fmt: skip
        self.why = why

    def set(self, said: Callable[[int, bytes, object], None], data: object) -> None:
        self.said = said

    def load(self, path: bytes, parameters: object) -> None:
        self.said(4, b"llama_model_load: error loading model: " + self.why.encode() + b"\n", None)
        self.said(4, b"llama_model_load_from_file_impl: failed to load model\n", None)


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    def be(why: str) -> None:
        monkeypatch.setitem(sys.modules, "llama_cpp", SimpleNamespace())
        monkeypatch.setitem(sys.modules, "llama_cpp.llama_cpp", Refusing(why))
        llama.cache_clear()

    yield be
    monkeypatch.undo()
    llama.cache_clear()


@pytest.mark.parametrize("why", ["unable to allocate CPU buffer", "mmap failed: Cannot allocate memory"])
def test_a_file_for_which_there_is_no_memory_is_not_called_broken(refusing: Callable[[str], None], why: str) -> None:
    refusing(why)
    with pytest.raises(OutOfMemory, match=f"Memory ran out.*{why}.*smaller file") as refused:
        LlamaModel(Path("large.gguf"))
    assert "again" not in str(refused.value)


def test_a_file_that_is_none_is(refusing: Callable[[str], None]) -> None:
    refusing("tensor data is not within the file bounds, model is corrupted or incomplete")
    with pytest.raises(ModelBroken, match=r"not within the file bounds.*Fetch the file again"):
        LlamaModel(Path("half.gguf"))
