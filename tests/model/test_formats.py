"""Folders that hold something else than a checkpoint are told what they are, and what to do instead."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from kvlsp.errors import ModelBroken, ModelError, UnsupportedModel
from kvlsp.model.checkpoint import locate, read_config
from kvlsp.model.loading import load
from tests.support.decoders import tiny_llama


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_llama(2, dtype=torch.float32).save_pretrained(tmp_path)
    return tmp_path


def refusal(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load(folder, "cpu", "float32")
    assert "Fetch" not in str(caught.value) or isinstance(caught.value, ModelBroken)
    return str(caught.value)


def change(folder: Path, **more: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **more}))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("model-Q4_K_M.gguf", "GGUF file (model-Q4_K_M.gguf) beside other files"),
        ("model.onnx", "ONNX"),
        ("openvino_model.xml", "OpenVINO"),
        ("tf_model.h5", "TensorFlow weights"),
        ("flax_model.msgpack", "Flax weights"),
        ("consolidated.safetensors", "maker's own programs"),
        ("consolidated.00.pth", "maker's own programs"),
        ("model.llamafile", "llamafile"),
        ("model.nemo", "NeMo"),
        ("model.weights.h5", "Keras"),
        ("__0_0.distcp", "torch.distributed"),
    ],
)
@pytest.mark.parametrize("configured", [True, False])
def test_other_weights(folder: Path, name: str, says: str, configured: bool) -> None:
    (folder / "model.safetensors").rename(folder / name)
    if not configured:
        (folder / "config.json").unlink()
    said = refusal(folder)
    assert says in said
    assert "Fetch it again" not in said


def test_a_hub_s_collection_of_gguf_files_of_which_nothing_was_fetched(tmp_path: Path) -> None:
    folder = tmp_path / "models--owner--Model-GGUF" / "snapshots" / "0123"
    folder.mkdir(parents=True)
    with pytest.raises(UnsupportedModel, match="collection of GGUF files"):
        read_config(folder)


def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    for name, says in (("model.ggml", "GGML"), ("model.safetensors", "must name the folder")):
        (tmp_path / name).touch()
        with pytest.raises(ModelError, match=says):
            locate(tmp_path / name, lambda share, doing: None)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"quant_method": "gptq", "bits": 3}, "rounded with GPTQ to 3 bits"),
        ({"quant_method": "awq", "bits": 3}, "rounded with AWQ to 3 bits"),
        ({"quant_method": "compressed-tensors"}, "compressed-tensors"),
        ({"quant_method": "hqq"}, "HQQ"),
        ({"quant_method": "torchao"}, "torchao"),
        ({"quant_method": "mxfp4"}, "MXFP4"),
        ({"quant_method": "newest"}, "a method called newest"),
    ],
)
def test_weights_rounded_by_other_programs(folder: Path, config: dict[str, object], says: str) -> None:
    change(folder, quantization_config=config)
    said = refusal(folder)
    assert says in said
    assert "the checkpoint that it was made from" in said


def test_weights_rounded_for_mlx(folder: Path) -> None:
    change(folder, quantization={"group_size": 64, "bits": 3})
    assert "rounded for MLX to 3 bits" in refusal(folder)


def test_rounded_weights_that_no_configuration_names(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.0.mlp.up_proj.weight"] = weights["model.layers.0.mlp.up_proj.weight"].to(torch.int8)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert "stored as I8" in refusal(folder)


def test_an_adapter_alone(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "owner/base"}))
    said = refusal(folder)
    assert "does not name" in said
    assert "merge_and_unload" in said


def test_an_adapter_beside_a_model_is_said(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where peft is installed transformers would take it in; it is not, and says nothing."""
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "x", "peft_type": "LORA"}))
    loaded = load(folder, "cpu", "float32")
    assert loaded.description.endswith("without the adapter beside it")
    assert "kvlsp uses the model alone" in caplog.text


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_named(folder: Path, value: float) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.1.mlp.up_proj.weight"][3, 4] = value
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    said = refusal(folder)
    assert "not numbers" in said
    assert "model.layers.1.mlp.up_proj.weight" in said


def test_a_precision_that_the_weights_do_not_fit(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights = {name: one * (1e4 if "mlp" in name else 1) for name, one in weights.items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UnsupportedModel, match="in float16, which its weights do not fit"):
        load(folder, "cpu", "float16")


@pytest.mark.parametrize("said", [{"rms_norm_eps": float("nan")},
                                  {"rope_parameters": {"rope_type": "default", "rope_theta": -5.0}}])  # fmt: skip
def test_no_other_precision_helps_where_nothing_is_wider(folder: Path, said: dict[str, object]) -> None:
    change(folder, **said)
    assert "do not fit each other" in refusal(folder)


def test_a_configuration_with_more_layers_than_weights(folder: Path) -> None:
    change(folder, num_hidden_layers=12_000)
    assert "speaks of 12,000 layers, the weights hold 2" in refusal(folder)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no such device here")
@pytest.mark.parametrize("name", ["config.json", "generation_config.json", "tokenizer_config.json"])
def test_files_that_never_end(folder: Path, name: str) -> None:
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to("/dev/zero")
    with pytest.raises(ModelBroken, match=r"not an? (plain|ordinary) file"):
        read_config(folder)


@pytest.mark.parametrize(
    ("inside", "says"),
    [
        ("snapshots/0123", "folders with one: snapshots/0123"),
        ("one", "folders with one: one. Name it"),
        ("gguf/model.gguf", "GGUF file in a folder of its own (gguf/model.gguf)"),
    ],
)
def test_a_folder_around_a_model(folder: Path, inside: str, says: str) -> None:
    around = folder / "around"
    (around / inside).parent.mkdir(parents=True)
    if inside.endswith(".gguf"):
        (around / inside).touch()
    else:
        (around / inside).mkdir()
        (folder / "config.json").rename(around / inside / "config.json")
    assert says in refusal(around)


@pytest.mark.parametrize("name", ["LlamaForSequenceClassification", "BertForMaskedLM", "OwnRewardModel"])
def test_a_model_that_does_not_go_on_with_a_text(folder: Path, name: str) -> None:
    """Part of its weights are those of a language model, so it would load."""
    change(folder, architectures=[name])
    said = refusal(folder)
    assert name in said
    assert "does not go on" in said


def test_an_architecture_for_pictures(folder: Path) -> None:
    change(folder, model_type="vit", architectures=["ViTModel"])
    assert "(vit) does not go on with a text" in refusal(folder)


def test_a_download_that_was_broken_off(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model.safetensors.part")
    assert "model.safetensors.part is what a download" in refusal(folder)


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_told_as_one(folder: Path, mark: str) -> None:
    path = folder / "config.json"
    path.write_text(path.read_text(), encoding=mark)
    assert "byte order mark" in refusal(folder)


def test_a_known_architecture_is_not_called_unknown(folder: Path) -> None:
    change(folder, rope_parameters={"rope_type": "yarn", "rope_theta": 1e4})
    said = refusal(folder)
    assert "describes no model" in said
    assert "does not know the architecture" not in said


@pytest.mark.parametrize("length", [-4, 0, 1, 16])
def test_a_model_without_room_for_a_text(folder: Path, length: int) -> None:
    change(folder, max_position_embeddings=length)
    assert f"takes {length} tokens" in refusal(folder)


def test_weights_of_other_shapes(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    change(folder, intermediate_size=48)
    assert "other shapes than its config.json describes" in refusal(folder)
    assert "REPORT" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("name", ["model.embed_tokens.weight", "model.norm.weight"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_one_number_that_is_none_is_found_wherever_it_is(folder: Path, name: str, value: float) -> None:
    """Also in the row of a token that hardly any text has: its keys would spoil all that is behind it."""
    weights = load_file(folder / "model.safetensors")
    weights[name].view(-1)[-1] = value
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    said = refusal(folder)
    assert "not numbers" in said
    assert name in said


def test_weights_that_were_never_written(folder: Path) -> None:
    weights = {name: torch.zeros_like(one) for name, one in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert "all that it computes is zero" in refusal(folder)


def test_pointers_of_git_lfs(folder: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n"
    (folder / "model.safetensors").write_text(pointer)
    assert "git lfs pull" in refusal(folder)
    (folder / "config.json").write_text(pointer)
    assert "git lfs pull" in refusal(folder)


def test_fewer_layers_in_the_description_than_there_are_weights_for(folder: Path) -> None:
    change(folder, num_hidden_layers=1, layer_types=None)
    assert "speaks of 1 layers, the weights hold 2" in refusal(folder)


def test_layers_that_predict_further_tokens_are_none_of_those(folder: Path) -> None:
    change(folder, num_hidden_layers=1, layer_types=None, num_nextn_predict_layers=1)
    load(folder, "cpu", "float32")


@pytest.mark.parametrize("name", ["self_attn.q_proj.bias", "self_attn.q_norm.weight"])
def test_weights_of_layers_that_the_description_has_no_place_for(folder: Path, name: str) -> None:
    weights = load_file(folder / "model.safetensors")
    weights[f"model.layers.1.{name}"] = torch.ones(8)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    assert f"hold model.layers.1.{name}, for which" in refusal(folder)


@pytest.mark.parametrize("name", [
    "model.layers.0.self_attn.rotary_emb.inv_freq", "mtp.layers.0.mlp.up_proj.weight", "visual.blocks.7.norm.weight",
])  # fmt: skip
def test_what_lies_beside_the_layers_is_left_out(folder: Path, name: str) -> None:
    weights = load_file(folder / "model.safetensors")
    weights[name] = torch.ones(4)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    load(folder, "cpu", "float32")
