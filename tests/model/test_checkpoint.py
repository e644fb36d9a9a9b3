"""Files of a checkpoint: what is whole is found, what is not is refused with a sentence that says what to
do."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
import torch
from huggingface_hub import errors as hub
from huggingface_hub.utils import disable_progress_bars, enable_progress_bars

from kvlsp.catalogue.entry import checkpoint as described
from kvlsp.errors import ModelBroken, ModelError, ModelNotFound
from kvlsp.model import checkpoint
from kvlsp.model.checkpoint import LARGEST, explain, locate, read_config
from kvlsp.model.contents import parameters, weight_files
from tests.support.decoders import tiny_llama


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_llama(1, dtype=torch.float32).save_pretrained(tmp_path)
    return tmp_path


def quiet(share, doing):
    """Progress that nobody watches."""


def test_a_whole_checkpoint(folder):
    assert locate(str(folder), quiet) == folder
    assert read_config(folder)["model_type"] == "llama"
    expected = sum(one.numel() for one in tiny_llama(1).parameters())
    assert parameters(folder) == expected


def test_a_sharded_checkpoint_needs_all_its_files(tmp_path):
    tiny_llama(2, dtype=torch.float32).save_pretrained(tmp_path, max_shard_size="20KB")
    files = weight_files(tmp_path)
    assert len(files) > 1
    files[1].unlink()
    with pytest.raises(ModelBroken, match=f"1 of {len(files)} weight files are missing.*{files[1].name}"):
        parameters(tmp_path)


@pytest.mark.parametrize("kept", [0.999, 0.5, 0.0001, 0.0])
def test_a_truncated_file(folder, kept):
    path = folder / "model.safetensors"
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ModelBroken, match=r"Fetch the model again\."):
        parameters(folder)


def test_a_file_that_is_something_else(folder):
    (folder / "model.safetensors").write_bytes(b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>")
    with pytest.raises(ModelBroken, match="damaged"):
        parameters(folder)


@pytest.mark.parametrize("header", [
    [], {"a": 5}, {"a": {}}, {"a": {"data_offsets": [0, 4]}}, {"a": {"data_offsets": [0, 4], "dtype": "F32"}},
    {"a": {"data_offsets": [0, 4], "dtype": "F32", "shape": "ab"}},
    {"a": {"data_offsets": [], "dtype": "F32", "shape": []}},
    {"a": {"data_offsets": [0, 4], "dtype": "F32", "shape": [-1]}},
    {"a": {"data_offsets": [0, 4], "dtype": "F32", "shape": [10**400, 10**400]}},
    {"a": {"data_offsets": [0, 1e3], "dtype": "F32", "shape": [1]}},
    {"a": {"data_offsets": [0, 4], "dtype": 1, "shape": [1]}},
])  # fmt: skip
def test_headers_that_describe_no_tensors(folder, header):
    said = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(said).to_bytes(8, "little") + said + b"\0" * 4)
    with pytest.raises(ModelBroken, match="damaged"):
        parameters(folder)
    assert "damaged" in described(folder, "x", "folder").problem


@pytest.mark.parametrize("index", [[], {}, {"weight_map": [1]}, {"weight_map": {"a": 5}}, {"weight_map": {"a": []}}])
def test_an_index_that_names_no_files(folder, index):
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelBroken, match="Fetch the model again"):
        weight_files(folder)


def test_pickled_weights_are_refused(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelBroken, match="can run code"):
        weight_files(folder)


def test_no_weights(folder):
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelBroken, match=r"model\.safetensors is missing"):
        weight_files(folder)


@pytest.mark.parametrize(
    "name", ["/no/such/folder", "no-such-folder", "./a/b/c", "~/nowhere/at/all", "a b/c"]
)
def test_names_that_are_neither_folder_nor_hub_id(name):
    with pytest.raises(ModelNotFound, match="owner/name"):
        locate(name, quiet)


@pytest.mark.parametrize("name", ["./model", "../{here}/model", "{whole}/model", "~/model"])
def test_a_path_is_written_as_one(name, tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert locate(name.format(here=tmp_path.name, whole=tmp_path), quiet).samefile(tmp_path / "model")
    assert locate(Path("model"), quiet).samefile(tmp_path / "model")


def test_a_folder_beside_us_never_takes_the_place_of_a_hub_id(tmp_path, monkeypatch):
    """The current folder is a workspace, and its folders are whoever's."""
    (tmp_path / "owner" / "model").mkdir(parents=True)
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    fetched = tmp_path / "fetched"
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **options: fetched)
    assert locate("owner/model", quiet) == fetched
    with pytest.raises(ModelNotFound, match=r"written \./model\."):
        locate("model", quiet)


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        (None, ModelNotFound, "no config.json"),
        ("{", ModelBroken, "cannot be read"),
        ("[]", ModelBroken, "model_type"),
        ("{}", ModelBroken, "model_type"),
        (json.dumps({"model_type": "own", "auto_map": {"AutoModel": "x.Y"}}), ModelError, "code of its own"),
    ],
)
def test_broken_configurations(tmp_path, text, kind, says):
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(kind, match=says):
        read_config(tmp_path)


class TransportError(Exception):
    """As a network library names it."""


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (hub.LocalEntryNotFoundError("x"), ModelNotFound, "cannot be reached"),
        (TransportError("x"), ModelNotFound, "cannot be reached"),
        (ConnectionError("x"), ModelNotFound, "cannot be reached"),
        (OSError(errno.ENOSPC, "No space left on device"), ModelError, "disk is full"),
        (OSError("Consistency check failed: file should be of size 10"), ModelBroken, "damaged"),
        (hub.HFValidationError("x"), ModelNotFound, "neither a folder"),
        (RuntimeError("odd\nmore"), ModelError, "could not be fetched: odd Try"),
    ],
)
def test_failed_downloads_in_plain_sentences(error, kind, says):
    found = explain("owner/model", error)
    assert type(found) is kind
    assert says in str(found)
    assert "owner/model" in str(found)


def test_gated_and_unknown_models():
    gated = hub.GatedRepoError.__new__(hub.GatedRepoError)
    unknown = hub.RepositoryNotFoundError.__new__(hub.RepositoryNotFoundError)
    assert "accept its terms" in str(explain("owner/model", gated))
    assert "no model owner/model" in str(explain("owner/model", unknown))


def test_offline_is_named(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in str(explain("owner/model", hub.OfflineModeIsEnabled("x")))


@pytest.mark.parametrize("bars", ["on", "off"])
def test_a_hub_id_goes_to_the_hub_and_bytes_are_reported(monkeypatch, folder, bars):
    told = []
    (enable_progress_bars if bars == "on" else disable_progress_bars)()

    def download(name, allow_patterns=(), tqdm_class=None, local_files_only=False):
        if local_files_only:
            raise hub.LocalEntryNotFoundError("nothing")
        assert name == "owner/model"
        assert not any(pattern.endswith((".bin", ".py")) for pattern in allow_patterns)
        with tqdm_class(total=4_000_000, unit="B") as bar:
            bar.update(1_000_000)
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    monkeypatch.setattr("kvlsp.model.resuming.large_files", lambda name, bar: None)
    assert locate("owner/model", lambda share, doing: told.append((share, doing))) == folder
    assert told == [(None, "looking for owner/model"), (0.25, "fetching owner/model: 1 of 4 MB")]


def test_a_failed_download_is_a_model_error(monkeypatch):
    def download(name, **_):
        raise ConnectionError("no route")

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    monkeypatch.setattr("kvlsp.model.resuming.large_files", lambda name, bar: None)
    with pytest.raises(ModelNotFound, match="cannot be reached"):
        locate("owner/model", quiet)
    assert checkpoint.HUB_ID.fullmatch("Qwen/Qwen2.5-Coder-1.5B")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes and devices of Unix")
@pytest.mark.parametrize("name", ["config.json", "model.safetensors.index.json"])
@pytest.mark.parametrize("what", ["endless", "pipe", "large", "nested"])
def test_a_description_that_never_ends_is_refused(tmp_path, name, what):
    """Memory does not end in it, and nobody waits for it."""
    path = tmp_path / name
    if what == "endless":
        path.symlink_to("/dev/zero")
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "nested":
        path.write_text('{"weight_map": ' + "[" * 100_000)
    else:
        with path.open("wb") as file:
            file.truncate(LARGEST + 1)  # takes no room on the disk
    with pytest.raises(ModelBroken, match=r"cannot be read|no weights"):
        (read_config if name == "config.json" else weight_files)(tmp_path)


def test_a_folder_that_is_not_there_is_named_as_it_was_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelNotFound, match=r"no model at \./nowhere:"):
        locate("./nowhere", quiet)
