"""What a folder holds that is no checkpoint kvlsp can run: each kind is named, with what to do instead.

Models are passed on in many forms, and "fetch it again" helps with none of them. A form is known by its files and by
what its config.json says; no weight is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kvlsp.errors import ModelBroken, ModelError, UnsupportedModel
from kvlsp.model.packings import Packing, Unknown, packing

UNROUNDED = (
    "Name the checkpoint that it was made from (bfloat16 or float16 in safetensors); with dtype int8 or int4 kvlsp "
    "rounds it itself."
)

_FILES: tuple[tuple[str, str, str], ...] = (
    ("*.llamafile", "a llamafile, a program with a model inside", "Name a GGUF file of the same model."),
    ("*.ggml", "a GGML file, an old format of llama.cpp", UNROUNDED),
    ("openvino_model.xml", "a model converted for OpenVINO", UNROUNDED),
    ("*.onnx", "a model converted to ONNX", UNROUNDED),
    ("onnx/*.onnx", "a model converted to ONNX", UNROUNDED),
    ("*.mlmodelc", "a model converted for Core ML", UNROUNDED),
    ("*.mlpackage", "a model converted for Core ML", UNROUNDED),
    ("*.tflite", "a model converted for TensorFlow Lite", UNROUNDED),
    ("model.engine", "a model built for TensorRT", UNROUNDED),
    ("rank0.engine", "a model built for TensorRT", UNROUNDED),
    ("tf_model.h5", "TensorFlow weights only", "Name a folder with the same model in safetensors."),
    ("flax_model.msgpack", "Flax weights only", "Name a folder with the same model in safetensors."),
    ("consolidated*.safetensors", "the weights as their maker's own programs read them",
     "Name the folder with the same model for transformers, or convert it (transformers has a script for each maker)."),
    ("consolidated*.pth", "the weights as their maker's own programs read them",
     "Name the folder with the same model for transformers, or convert it (transformers has a script for each maker)."),
    ("global_step*", "a training run's state (DeepSpeed)", "Make a checkpoint of it first (`zero_to_fp32.py`)."),
    ("iter_*/mp_rank_*", "a training run's state (Megatron)", "Convert it to a checkpoint for transformers first."),
    ("*.distcp", "a training run's state, in pieces (torch.distributed)", "Make a checkpoint of it first."),
    ("_CHECKPOINT_METADATA", "a training run's state (Orbax)", "Name a folder with the same model in safetensors."),
    ("*.nemo", "a model for NeMo", "Convert it to a checkpoint for transformers first."),
    ("*.keras", "a model for Keras", "Name a folder with the same model in safetensors."),
    ("*.weights.h5", "a model for Keras", "Name a folder with the same model in safetensors."),
    ("model_index.json", "a pipeline for pictures (diffusers)", "Choose a language model."),
)  # fmt: skip
"""(pattern, what it is, what to do), tried in this order."""

_METHODS = {
    "gptq": "GPTQ", "awq": "AWQ", "bitsandbytes": "bitsandbytes", "fp8": "FP8", "fbgemm_fp8": "FP8 (FBGEMM)",
    "compressed-tensors": "compressed-tensors", "torchao": "torchao", "mxfp4": "MXFP4", "hqq": "HQQ", "aqlm": "AQLM",
    "quanto": "Quanto", "eetq": "EETQ", "vptq": "VPTQ", "higgs": "HIGGS", "spqr": "SpQR", "exl2": "EXL2",
    "exl3": "EXL3", "bitnet": "BitNet", "modelopt": "ModelOpt", "auto-round": "AutoRound", "quark": "Quark",
}  # fmt: skip

_REMEDIES = {
    "auto-round": "AutoRound also writes the formats auto_gptq and auto_awq, which are read. ",
    "awq": "AutoAWQ's version gemm is read. ",
}
"""What else helps, where somebody has the program at hand."""

ADAPTER = "adapter_config.json"


def without_config(folder: Path, base: Any = None) -> ModelError | None:
    """What a folder without config.json is, if that can be told. ``base`` names the model that an adapter is for."""
    if (folder / ADAPTER).is_file():
        whose = f" for {base}" if isinstance(base, str) and base else ""
        return ModelBroken(
            f"{folder} holds an adapter{whose}, not a model: what was trained in addition. Merge it into its model "
            "first (peft: AutoPeftModelForCausalLM.from_pretrained(...).merge_and_unload().save_pretrained(...)) and "
            "name that folder."
        )
    if any(part.lower().endswith("gguf") for part in folder.parts):  # of a hub's folder nothing else was fetched
        return UnsupportedModel(
            f"{folder} is of a collection of GGUF files. Name one of them: owner/name/file.gguf of the hub, or a path."
        )
    return other_weights(folder) or _below(folder)


def _below(folder: Path) -> ModelError | None:
    """What lies one level deeper, or two, as in the hub's own cache."""
    for inner in ("*", "*/*"):
        models = sorted(str(one.parent.relative_to(folder)) for one in folder.glob(f"{inner}/config.json"))
        if models:
            more = f", {models[1]}" + (" ..." if len(models) > 2 else "") if len(models) > 1 else ""
            return UnsupportedModel(
                f"{folder} holds no model itself, but folders with one: {models[0]}{more}. Name it."
            )
    files = sorted(str(one.relative_to(folder)) for one in folder.glob("*/*.gguf"))
    if files:
        return UnsupportedModel(
            f"{folder} holds a GGUF file in a folder of its own ({files[0]}). Name the file itself."
        )
    return None


def other_weights(folder: Path) -> ModelError | None:
    """What weights a folder without safetensors holds, if that can be told."""
    gguf = next(iter(sorted(folder.glob("*.gguf"))), None)
    if gguf is not None:
        return UnsupportedModel(f"{folder} holds a GGUF file ({gguf.name}) beside other files. Name the file itself.")
    for pattern, what, mend in _FILES:
        found = next(iter(sorted(folder.glob(pattern))), None)
        if found is not None:
            return UnsupportedModel(f"{folder} holds {what} ({found.name}), which kvlsp does not read. {mend}")
    return None


_BROKEN_OFF = ("*.part", "*.incomplete", "*.crdownload", "*.aria2", ".cache/huggingface/download/*.incomplete")


def broken_off(folder: Path) -> str:
    """What a download has left that did not come to its end, in words to go on with; empty where there is nothing."""
    left = next((one for pattern in _BROKEN_OFF for one in sorted(folder.glob(pattern))), None)
    return "" if left is None else f", and {left.name} is what a download that was broken off has left"


def single_file(path: Path) -> ModelError:
    """What to say of a setting that names a file."""
    if path.suffix.lower() == ".ggml":
        return UnsupportedModel(f"{path} is a GGML file, an old format of llama.cpp. {UNROUNDED}")
    return ModelBroken(f"{path} is a file; the setting must name the folder that a checkpoint's files lie in.")


_TASKS = {
    "Classification": "sorts texts into classes", "MaskedLM": "fills in words that are left out",
    "QuestionAnswering": "finds answers in a text", "RewardModel": "judges texts",
    "MultipleChoice": "chooses between answers", "SentencePrediction": "judges sentences",
}  # fmt: skip


def refuse_task(config: Mapping[str, Any], folder: Path) -> None:
    """Raise :class:`UnsupportedModel` where config.json says that the model was made for something else than to go on
    with a text: with a language model's weights in part it would load, and say what nobody trained it for."""
    named = config.get("architectures")
    for name in named if isinstance(named, list) else ():
        task = next((said for part, said in _TASKS.items() if part in str(name)), None)
        if task is not None:
            raise UnsupportedModel(
                f"The model in {folder} ({name}) {task}; it does not go on with one. Choose a language model."
            )


def no_language_model(kind: str, folder: Path) -> ModelError:
    """What to say of an architecture that transformers knows, but not as one that goes on with a text."""
    return UnsupportedModel(f"The model in {folder} ({kind}) does not go on with a text. Choose a language model.")


def not_described(folder: Path, error: Exception) -> ModelError:
    """What to say of a config.json of which transformers makes nothing though it knows the architecture."""
    first = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
    return ModelBroken(
        f"The config.json in {folder} describes no model ({first[:300]}). Fetch the model again, or choose another."
    )


def rounded_as(config: Mapping[str, Any], folder: Path) -> Packing | None:
    """How the weights were rounded to fewer bits by some other program; None where they were not. Raises
    :class:`UnsupportedModel` where that is not read here."""
    text = config.get("text_config")
    try:
        found = [packing(one) for one in (config, text if isinstance(text, dict) else {})]
    except Unknown as error:
        raise _not_read(config, text if isinstance(text, dict) else {}, str(error), folder) from error
    except (AttributeError, TypeError, ValueError, KeyError) as error:
        raise ModelBroken(
            f"The config.json in {folder} does not say how its weights were rounded. Fetch the model again."
        ) from error
    return found[0] or found[1]


def _not_read(config: Mapping[str, Any], text: Mapping[str, Any], special: str, folder: Path) -> UnsupportedModel:
    more = f" {special}" if special else ""
    if "quantization" in config or "quantization" in text:
        return UnsupportedModel(
            f"The weights in {folder} were rounded for MLX{more}, which kvlsp does not read. {UNROUNDED}"
        )
    said = next(
        one[name]
        for one in (config, text)
        for name in ("quantization_config", "compression_config")
        if isinstance(one.get(name), dict)
    )
    method = str(said.get("quant_method") or "unknown")
    how = _METHODS.get(method.lower(), f"a method called {method}")
    remedy = _REMEDIES.get(method.lower(), "")
    return UnsupportedModel(
        f"The weights in {folder} were rounded with {how}{more}, which kvlsp does not read. {remedy}{UNROUNDED}"
    )


def refuse_stored(dtype: str, folder: Path) -> None:
    """Raise :class:`UnsupportedModel` where weights are stored as something else than plain floating-point numbers."""
    if dtype:
        raise UnsupportedModel(
            f"The weights in {folder} are stored as {dtype} by a method that its config.json does not name, and kvlsp "
            f"does not read it. {UNROUNDED}"
        )


def unused_adapter(folder: Path) -> str:
    """What to say of an adapter that lies beside full weights."""
    return (
        f"{folder} holds a model and an adapter beside it, and kvlsp uses the model alone. Where the adapter is "
        "wanted, merge it (peft: merge_and_unload) and name that folder; else remove adapter_config.json."
    )


def refuse_layers(config: Mapping[str, Any], tensors: Iterable[str], folder: Path) -> None:
    """Raise :class:`ModelBroken` where config.json speaks of far more layers than there are weights for: making a
    network of them would take memory before anything is compared. Other numbers in names may count more (experts)."""
    text = config.get("text_config")
    layers = (text if isinstance(text, dict) else config).get("num_hidden_layers")
    numbers = [int(part) for name in tensors for part in name.split(".")[:-1] if part.isdigit()]
    if isinstance(layers, int) and numbers and layers > 2 * (max(numbers) + 1):
        raise ModelBroken(
            f"The config.json in {folder} speaks of {layers:,} layers, the weights hold {max(numbers) + 1:,}: they do "
            "not belong together. Fetch the model again."
        )
