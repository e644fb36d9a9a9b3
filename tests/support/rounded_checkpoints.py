"""Tiny checkpoints whose matrices are rounded and laid out as other programs publish it, in the plainest way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from tests.support.decoders import tiny_llama

Parts = dict[str, torch.Tensor]
Writer = Callable[[torch.Tensor], tuple[Parts, torch.Tensor]]
"""From a matrix (out, in) to the tensors of its module, by the ends of their names, and the matrix that they stand
for."""


def words(codes: torch.Tensor, bits: int) -> torch.Tensor:
    """Codes (rows, columns) in words of 32 bits, the first in the lowest bits."""
    count = 32 // bits
    found = torch.zeros(codes.shape[0], codes.shape[1] // count, dtype=torch.int64)
    for place in range(count):
        found += codes[:, place::count].long() << bits * place
    return (found - ((found >> 31) << 32)).to(torch.int32)


def rounded(weight: torch.Tensor, bits: int, groups: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Codes (out, in), zeros and scales (out, groups) of the columns' groups."""
    count = int(groups.max()) + 1
    codes = torch.zeros(weight.shape, dtype=torch.int64)
    zeros = torch.zeros(weight.shape[0], count, dtype=torch.int64)
    scales = torch.zeros(weight.shape[0], count, dtype=torch.float16)
    for group in range(count):
        some = weight[:, groups == group].float()
        low, high = some.amin(1).clamp_max(0), some.amax(1).clamp_min(0)
        scale = ((high - low) / (2**bits - 1)).clamp_min(1e-4).half()
        zero = (-low / scale.float()).round().clamp(1, 2**bits - 1)
        codes[:, groups == group] = (some / scale.float()[:, None] + zero[:, None]).round().clamp(0, 2**bits - 1).long()
        zeros[:, group], scales[:, group] = zero.long(), scale
    return codes, zeros, scales


def dense(codes: torch.Tensor, zeros: torch.Tensor, scales: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
    return (codes - zeros[:, groups]).float() * scales[:, groups].float()


def gptq(bits: int = 4, width: int = 64, second: bool = False, ordered: bool = False) -> Writer:
    def write(weight: torch.Tensor) -> tuple[Parts, torch.Tensor]:
        inputs = weight.shape[1]
        groups = torch.arange(inputs) // width
        if ordered:
            groups = groups[torch.randperm(inputs, generator=torch.Generator().manual_seed(0))]
        codes, zeros, scales = rounded(weight, bits, groups)
        parts = {
            "qweight": words(codes, bits).t().contiguous(),
            "qzeros": words(zeros.t() - (0 if second else 1), bits),
            "scales": scales.t().contiguous(),
            "g_idx": groups.to(torch.int32),
        }
        # along the other side: eight numbers of a column are one word
        return parts, dense(codes, zeros, scales, groups)

    return write


def awq(width: int = 64) -> Writer:
    order = [0, 2, 4, 6, 1, 3, 5, 7]  # which column the codes of a word are of

    def across(codes: torch.Tensor) -> torch.Tensor:
        columns = torch.arange(codes.shape[1]).view(-1, 8)[:, order].flatten()
        return words(codes[:, columns], 4)

    def write(weight: torch.Tensor) -> tuple[Parts, torch.Tensor]:
        groups = torch.arange(weight.shape[1]) // width
        codes, zeros, scales = rounded(weight, 4, groups)
        parts = {"qweight": across(codes.t()), "qzeros": across(zeros.t()), "scales": scales.t().contiguous()}
        return parts, dense(codes, zeros, scales, groups)

    return write


def packed(bits: int = 4, width: int = 64, symmetric: bool = True, signed: bool = False) -> Writer:
    """``signed``: zeros one a byte, as older versions write them."""

    def write(weight: torch.Tensor) -> tuple[Parts, torch.Tensor]:
        groups = torch.arange(weight.shape[1]) // width
        codes, zeros, scales = rounded(weight, bits, groups)
        if symmetric:
            zeros = torch.full_like(zeros, 2 ** (bits - 1))
        parts = {
            "weight_packed": words(codes, bits),
            "weight_scale": scales,
            "weight_shape": torch.tensor(weight.shape),
        }
        if signed:
            parts["weight_zero_point"] = (zeros - 2 ** (bits - 1)).to(torch.int8)
        elif not symmetric:
            parts["weight_zero_point"] = words(zeros.t(), bits).t().contiguous()
        return parts, dense(codes, zeros, scales, groups)

    return write


def octets(weight: torch.Tensor) -> tuple[Parts, torch.Tensor]:
    """Signed integers of eight bits, a scale for each row."""
    scale = weight.float().abs().amax(1, keepdim=True) / 127
    codes = (weight.float() / scale).round().to(torch.int8)
    return {"weight": codes, "weight_scale": scale}, codes.float() * scale


def floats(name: str, block: int | None) -> Writer:
    """Floats of eight bits, a scale for each block or one for each row."""

    def write(weight: torch.Tensor) -> tuple[Parts, torch.Tensor]:
        rows, columns = weight.shape
        height, width = (block, block) if block else (1, columns)
        scales = torch.zeros(-(-rows // height), -(-columns // width))
        found = torch.zeros(rows, columns)
        codes = torch.zeros(rows, columns, dtype=torch.float8_e4m3fn)
        for row in range(scales.shape[0]):
            for column in range(scales.shape[1]):
                some = (slice(row * height, (row + 1) * height), slice(column * width, (column + 1) * width))
                scale = weight[some].float().abs().max() / 448
                codes[some] = (weight[some].float() / scale).to(torch.float8_e4m3fn)
                found[some] = codes[some].float() * scale
                scales[row, column] = scale
        return {"weight": codes, name: scales}, found

    return write


def by_largest(weight: torch.Tensor) -> tuple[Parts, torch.Tensor]:
    """As bitsandbytes keeps eight bits."""
    largest = weight.float().abs().amax(1)
    codes = (weight.float() * 127 / largest[:, None]).round().to(torch.int8)
    parts = {"weight": codes, "SCB": largest, "weight_format": torch.tensor(0, dtype=torch.uint8)}
    return parts, codes.float() * largest[:, None] / 127


def by_book(nested: bool, storage: torch.dtype = torch.uint8) -> Writer:
    """As bitsandbytes keeps four bits, two in a byte, the bytes in numbers of ``storage``."""

    def write(weight: torch.Tensor) -> tuple[Parts, torch.Tensor]:
        book = torch.linspace(-1, 1, 16) ** 3
        blocks = weight.float().reshape(-1, 64)
        largest = blocks.abs().amax(1)
        said: dict[str, Any] = {"quant_type": "nf4", "blocksize": 64, "dtype": "float16", "shape": list(weight.shape)}
        parts = {"weight.quant_map": book}
        if nested:
            inner, offset = torch.linspace(-1, 1, 256), float(largest.mean())
            around = (largest - offset).view(-1, 16)
            second = around.abs().amax(1)
            places = ((around / second[:, None])[..., None] - inner).abs().argmin(-1).flatten()
            parts |= {"weight.absmax": places.to(torch.uint8), "weight.nested_quant_map": inner,
                      "weight.nested_absmax": second}  # fmt: skip
            said |= {"nested_blocksize": 16, "nested_offset": offset, "nested_dtype": "float32"}
            largest = inner[places] * second[torch.arange(len(places)) // 16] + offset
        else:
            parts["weight.absmax"] = largest
        codes = ((blocks / largest[:, None])[..., None] - book).abs().argmin(-1)
        pairs = codes.flatten().view(-1, 2)
        parts["weight"] = (pairs[:, 0] * 16 + pairs[:, 1]).to(torch.uint8).view(storage)[:, None]
        parts["weight.quant_state.bitsandbytes__nf4"] = torch.tensor(list(json.dumps(said).encode()), dtype=torch.uint8)
        return parts, (book[codes] * largest[:, None]).view(weight.shape)

    return write


def mlx(bits: int = 4, width: int = 64) -> Writer:
    def write(weight: torch.Tensor) -> tuple[Parts, torch.Tensor]:
        groups = torch.arange(weight.shape[1]) // width
        codes, zeros, scales = rounded(weight, bits, groups)
        biases = (-zeros.float() * scales.float()).half()
        found = codes.float() * scales[:, groups].float() + biases[:, groups].float()
        return {"weight": words(codes, bits).view(torch.uint32), "scales": scales, "biases": biases}, found

    return write


def _compressed(form: str, bits: int, kind: str = "int", **more: Any) -> dict[str, Any]:
    weights = {"num_bits": bits, "type": kind, "strategy": "group", "symmetric": True, **more}
    groups = {"group_0": {"targets": ["Linear"], "weights": weights, "input_activations": None}}
    return {"quant_method": "compressed-tensors", "format": form, "config_groups": groups, "ignore": ["lm_head"]}


KINDS: dict[str, tuple[dict[str, Any], Writer]] = {
    "gptq": ({"quant_method": "gptq", "bits": 4, "group_size": 64, "desc_act": False}, gptq()),
    "gptq, ordered": ({"quant_method": "gptq", "bits": 4, "group_size": 64, "desc_act": True}, gptq(ordered=True)),
    "gptq, second layout": (
        {"quant_method": "gptq", "bits": 4, "group_size": 32, "checkpoint_format": "gptq_v2"},
        gptq(4, 32, second=True)),
    "gptq, 8 bits": ({"quant_method": "gptq", "bits": 8, "group_size": -1}, gptq(8, 128)),
    "awq": ({"quant_method": "awq", "bits": 4, "group_size": 64, "version": "gemm", "zero_point": True}, awq()),
    "packed": (_compressed("pack-quantized", 4, group_size=64), packed()),
    "packed, 8 bits": (_compressed("pack-quantized", 8, group_size=128), packed(8, 128)),
    "packed with zeros": (_compressed("pack-quantized", 4, symmetric=False), packed(symmetric=False)),
    "packed with signed zeros": (
        _compressed("pack-quantized", 4, symmetric=False), packed(symmetric=False, signed=True)),
    "octets": (_compressed("int-quantized", 8, strategy="channel"), octets),
    "floats by rows": (_compressed("float-quantized", 8, "float"), floats("weight_scale", None)),
    "floats by blocks": ({"quant_method": "fp8", "weight_block_size": [48, 48]}, floats("weight_scale_inv", 48)),
    "bitsandbytes, 8 bits": ({"quant_method": "bitsandbytes", "load_in_8bit": True}, by_largest),
    "bitsandbytes, 4 bits": ({"quant_method": "bitsandbytes", "load_in_4bit": True}, by_book(False)),
    "bitsandbytes, nested": ({"quant_method": "bitsandbytes", "load_in_4bit": True}, by_book(True)),
    "bitsandbytes, in bfloat16": (
        {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_storage": "bfloat16"},
        by_book(False, torch.bfloat16)),
    "bitsandbytes, in float32": (
        {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_storage": "float32"},
        by_book(True, torch.float32)),
    "mlx": ({"group_size": 64, "bits": 4}, mlx()),
    "mlx, 8 bits": ({"group_size": 32, "bits": 8}, mlx(8, 32)),
}  # fmt: skip
"""What config.json says, and who writes; mlx's stands under another name and takes the table of tokens along."""


def checkpoint(folder: Path, kind: str, **changes: Any) -> Path:
    """Write a rounded checkpoint to ``folder``/rounded, and what it stands for to ``folder``/plain; the former."""
    config, write = KINDS[kind]
    shape = {"hidden_size": 128, "intermediate_size": 192, "initializer_range": 0.1, "head_dim": 32, **changes}
    model = tiny_llama(2, dtype=torch.float32, **shape)
    rounded_folder, plain = folder / "rounded", folder / "plain"
    whole = model.state_dict()
    parts: Parts = {}
    for name, one in list(whole.items()):
        table = name == "model.embed_tokens.weight" and kind.startswith("mlx")
        if one.dim() == 2 and ("proj" in name or table):
            made, found = write(one)
            whole[name] = found
            parts |= {f"{name.removesuffix('weight')}{part}": tensor for part, tensor in made.items()}
        elif name != "lm_head.weight" or not model.config.tie_word_embeddings:
            parts[name] = one
    model.load_state_dict(whole)
    model.tie_weights()
    model.save_pretrained(plain)
    model.config.save_pretrained(rounded_folder)
    save_file({name: one.contiguous() for name, one in parts.items()}, rounded_folder / "model.safetensors",
              metadata={"format": "pt"})  # fmt: skip
    path = rounded_folder / "config.json"
    written = json.loads(path.read_text())
    written["quantization" if kind.startswith("mlx") else "quantization_config"] = config
    path.write_text(json.dumps(written))
    return rounded_folder
