"""Which file a setting means: a file, a folder, Ollama's store, the hub's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kvlsp.errors import ModelBroken, ModelNotFound
from kvlsp.gguf import ollama
from kvlsp.gguf.place import find, is_gguf, parts


def silent(share: float | None, doing: str) -> None:
    """Progress that nobody watches."""


def put(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"GGUF")


def test_a_file_and_a_folder_with_one(tmp_path: Path) -> None:
    put(tmp_path / "one", "Model-Q4_K_M.gguf", "mmproj-Model.gguf")
    put(tmp_path / "split", "Big-00001-of-00002.gguf", "Big-00002-of-00002.gguf")
    for name in (tmp_path / "one", tmp_path / "one" / "Model-Q4_K_M.gguf"):
        assert is_gguf(str(name))
        assert find(str(name), silent) == tmp_path / "one" / "Model-Q4_K_M.gguf"
    assert find(tmp_path / "split", silent).name == "Big-00001-of-00002.gguf"


def test_what_is_no_gguf_model_is_left_to_others(tmp_path: Path) -> None:
    put(tmp_path / "checkpoint", "model.gguf", "config.json")
    (tmp_path / "empty").mkdir()
    folders = [str(tmp_path / name) for name in ("checkpoint", "empty", "nowhere")]
    for name in (*folders, "Qwen/Qwen2.5-Coder-0.5B", "Qwen/Qwen2.5-Coder-0.5B-GGUF"):
        assert not is_gguf(name)


def test_a_folder_with_several_wants_one_named(tmp_path: Path) -> None:
    put(tmp_path, "a.gguf", "b.gguf")
    with pytest.raises(ModelNotFound, match=r"holds 2 GGUF models \(a.gguf, b.gguf\)"):
        find(str(tmp_path), silent)
    with pytest.raises(ModelNotFound, match="There is no file"):
        find(str(tmp_path / "c.gguf"), silent)


def test_a_file_of_the_hub_is_taken_from_its_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked = []

    def download(repository: str, file: str) -> str:
        asked.append((repository, file))
        return str(tmp_path / file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    name = "Qwen/Qwen2.5-Coder-0.5B-GGUF/qwen2.5-coder-0.5b-q4_0.gguf"
    assert is_gguf(name)
    assert find(name, silent) == tmp_path / "qwen2.5-coder-0.5b-q4_0.gguf"
    assert asked == [("Qwen/Qwen2.5-Coder-0.5B-GGUF", "qwen2.5-coder-0.5b-q4_0.gguf")]


def test_of_a_model_in_several_files_all_are_fetched_and_the_first_is_named(tmp_path, monkeypatch):
    import huggingface_hub

    def download(repository: str, file: str) -> str:
        place = tmp_path / file
        put(place.parent, place.name)
        return str(place)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    for named in (1, 2):
        found = find(f"owner/repo/q4/big-0000{named}-of-00003.gguf", silent)
        assert found == tmp_path / "q4" / "big-00001-of-00003.gguf"
    assert parts(found) == sorted((tmp_path / "q4").iterdir())
    assert len(parts(found)) == 3
    assert parts(tmp_path / "one.gguf") == [tmp_path / "one.gguf"]


def test_without_a_hub_the_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    def download(repository: str, file: str) -> str:
        raise LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    with pytest.raises(ModelNotFound, match="owner/repo is not"):
        find("owner/repo/model.gguf", silent)


WEIGHTS = "a" * 64


def store(folder: Path, name: str = "registry.ollama.ai/library/qwen2.5-coder/0.5b", digest: str = f"sha256:{WEIGHTS}",
          kind: str = "application/vnd.ollama.image.model") -> dict[str, str]:
    """An Ollama store with one model; the environment that names it."""
    manifest = folder / "manifests" / name
    manifest.parent.mkdir(parents=True, exist_ok=True)
    layers = [{"mediaType": "application/vnd.ollama.image.template", "digest": "sha256:" + "b" * 64},
              {"mediaType": kind, "digest": digest}]  # fmt: skip
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": layers}))
    put(folder / "blobs", f"sha256-{WEIGHTS}")
    return {"OLLAMA_MODELS": str(folder)}


@pytest.mark.parametrize(("name", "place"), [
    ("qwen2.5-coder:0.5b", "registry.ollama.ai/library/qwen2.5-coder/0.5b"),
    ("starcoder2", "registry.ollama.ai/library/starcoder2/latest"),
    ("somebody/model:q4", "registry.ollama.ai/somebody/model/q4"),
    ("hf.co/owner/Model-GGUF:Q4_K_M", "hf.co/owner/Model-GGUF/Q4_K_M"),
])  # fmt: skip
def test_a_model_of_ollamas_store_by_its_manifest(tmp_path: Path, name: str, place: str) -> None:
    there = store(tmp_path, place)
    assert is_gguf(f"ollama:{name}")
    assert ollama.find(f"ollama:{name}", there) == tmp_path / "blobs" / f"sha256-{WEIGHTS}"
    assert ollama.names(there) == [name if ":" in name else f"{name}:latest"]


def test_what_ollamas_store_lacks_is_said_with_what_it_has(tmp_path: Path) -> None:
    there = store(tmp_path)
    with pytest.raises(ModelNotFound, match=r"There are qwen2.5-coder:0.5b. Fetch it with `ollama pull"):
        ollama.find("ollama:qwen2.5-coder:7b", there)
    for name in ("", "../../etc/passwd", "a:b:c", "a b"):
        with pytest.raises(ModelNotFound):
            ollama.find(f"ollama:{name}", there)


def test_a_store_that_is_damaged(tmp_path: Path) -> None:
    for digest, kind in (("sha256:" + "c" * 64, "model"), ("../x", "model"), (f"sha256:{WEIGHTS}", "adapter")):
        there = store(tmp_path, digest=digest, kind=f"application/vnd.ollama.image.{kind}")
        with pytest.raises(ModelBroken):
            ollama.find("ollama:qwen2.5-coder:0.5b", there)
    there = store(tmp_path)
    (tmp_path / "manifests/registry.ollama.ai/library/qwen2.5-coder/0.5b").write_text("{")
    with pytest.raises(ModelBroken, match="cannot be read"):
        ollama.find("ollama:qwen2.5-coder:0.5b", there)


def test_the_store_lies_in_the_home_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert ollama.folder({}) == tmp_path / ".ollama" / "models"
    assert ollama.folder({"OLLAMA_MODELS": "/models"}) == Path("/models")
    for relative in ("models", "./models", "~nobody-here/models"):
        assert ollama.folder({"OLLAMA_MODELS": relative}) == tmp_path / ".ollama" / "models"
