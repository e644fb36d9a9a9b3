"""A GGUF file as a model: opened, refused or proven, described; and what it completes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

pytest.importorskip("llama_cpp", reason="GGUF models take llama-cpp-python")

from kvlsp import default_model
from kvlsp.cli import doctor
from kvlsp.config import Settings
from kvlsp.engine.oneshot import complete_text
from kvlsp.errors import ConfigurationError, ModelBroken, UnsupportedModel
from kvlsp.gguf import api
from kvlsp.gguf.api import LlamaModel
from kvlsp.gguf.decoder import LlamaDecoder
from kvlsp.gguf.refusals import probe, refuse
from kvlsp.laboratory.training.to_gguf import convert
from kvlsp.opening.model import open_model
from kvlsp.opening.repair_budget import measure
from tests.support.llama import tiny_file, tiny_llama_cpp

TEXT = '''import math


def area(width: float, height: float) -> float:
    """The area of a rectangle."""
    return


class Circle:
    def __init__(self, radius: float) -> None:
        self.radius = radius
'''


@pytest.fixture(scope="module")
def default_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(default_model.folder(), tmp_path_factory.mktemp("gguf") / "default-f16.gguf")


def test_the_default_model_as_a_file_says_what_it_says_as_a_folder(default_file: Path) -> None:
    folder, file = open_model(Settings(dtype="float32")), open_model(Settings(model=str(default_file)))
    assert file.template == folder.template
    assert file.knowledge is not None
    assert not file.knowledge.knows("rust")
    assert file.knowledge.knows("python")
    assert file.description.startswith("default-f16: ")
    assert file.description.endswith(" F16, llama.cpp on the CPU")
    at = TEXT.index("return\n") + len("return")
    said = [complete_text(model, TEXT[:at] + " " + TEXT[at:], at + 1, "python").text for model in (folder, file)]
    assert said[0] == said[1] != ""


def test_a_model_of_ollamas_store_is_called_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = tmp_path / "manifests/registry.ollama.ai/library/tiny/1b"
    manifest.parent.mkdir(parents=True)
    digest = "0" * 64
    manifest.write_text(json.dumps({
        "layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}"}]
    }))
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / f"sha256-{digest}").write_bytes(tiny_file(1).read_bytes())
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path))
    model = open_model(Settings(model="ollama:tiny:1b"))
    assert model.description.startswith("tiny:1b: ")
    assert model.decoder.name == "tiny:1b"


def test_the_doctor_does_not_call_a_rebuilt_tokenizer_published() -> None:
    findings = list(doctor.model(Settings(model=str(tiny_file(1)))))
    (said,) = (one.value for one in findings if one.name == "tokenizer")
    assert said.endswith("as its GGUF file has it")


def test_a_file_with_a_family_of_its_own_is_asked_as_it_says(tmp_path: Path) -> None:
    model = open_model(Settings(model=str(tiny_file(1))))
    assert model.template.name == "kvlsp"
    assert open_model(Settings(model=str(tiny_file(1)), order="prefix_first")).template.order == "prefix_first"


def test_what_cannot_be_had_is_said(tmp_path: Path) -> None:
    path = tiny_file(1)
    with pytest.raises(ConfigurationError, match="Set it to auto"):
        open_model(Settings(model=str(path), dtype="float32"))
    with pytest.raises(ConfigurationError, match="without support for cuda"):
        open_model(Settings(model=str(path), device="cuda"))
    broken = tmp_path / "cut.gguf"
    broken.write_bytes(path.read_bytes()[:-4096])
    with pytest.raises(ModelBroken, match="cannot open"):
        open_model(Settings(model=str(broken)))


def test_without_llama_cpp_the_sentence_says_how_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    path = tiny_file(1)
    api.llama.cache_clear()
    monkeypatch.setattr(api.importlib, "import_module", missing)
    try:
        with pytest.raises(UnsupportedModel, match=r"pip install \"kvlsp\[gguf\]\""):
            open_model(Settings(model=str(path)))
    finally:
        monkeypatch.undo()
        api.llama.cache_clear()


class Said:
    """llama.cpp's bindings, but for one answer."""

    def __init__(self, real: object, name: str, answer: object) -> None:
        self._real, self._name, self._answer = real, name, answer

    def __getattr__(self, name: str) -> object:
        return (lambda *_: self._answer) if name == self._name else getattr(self._real, name)


@pytest.mark.parametrize(("name", "answer", "says"), [
    ("llama_model_is_recurrent", True, "recurrent layers"), ("llama_model_is_hybrid", True, "recurrent layers"),
    ("llama_model_has_encoder", True, "encoder"), ("llama_model_is_diffusion", True, "diffusion"),
    ("llama_model_n_swa", 512, "a window of 512 tokens"),
])  # fmt: skip
def test_architectures_whose_rows_cannot_be_edited_are_refused(name: str, answer: object, says: str) -> None:
    model = LlamaModel(tiny_file(1))
    refuse(model, "fine")
    model.api = Said(model.api, name, answer)
    with pytest.raises(UnsupportedModel, match=says):
        refuse(model, "tiny")


def test_rows_that_llama_cpp_cannot_move_are_refused() -> None:
    real = tiny_llama_cpp(1)
    probe(real)
    for name, answer in (("llama_memory_can_shift", False), ("llama_memory_seq_add", None)):
        model = LlamaModel(tiny_file(1))
        model.api = Said(model.api, name, answer)
        decoder = LlamaDecoder(model, "tiny", real.context_length, 32, lambda: 1)
        with pytest.raises(UnsupportedModel, match="cannot move rows"):
            probe(decoder)


def test_the_repair_budget_is_measured_without_a_prefill() -> None:
    decoder = tiny_llama_cpp(1)
    budget = measure(decoder)
    assert budget.at(2048) >= 0
    assert torch.equal(decoder.occupied(70).owner[:70], torch.zeros(70, dtype=torch.int32))
