"""How other programs lay rounded weights out in their files, as they publish it: read here, each in a few lines.

The libraries that read them want a GPU, or a compiler, or put the whole model into memory (decision 0032). Whatever a
description speaks of that is not known here is refused: nothing would tell a wrongly restored matrix from a right one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from kvlsp.model.grids import Book, Grid, Restore, Rounded, unpack

PACKED_BITS = (2, 4, 8)
"""Widths of codes of which a word of 32 bits holds a whole number."""
_AWQ_ORDER = (0, 4, 1, 5, 2, 6, 3, 7)  # which code of a word each of eight columns is
_WIDTHS = {"F64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16, "U8": 8, "I8": 8}
"""Bits of the numbers that codes are packed into, as safetensors writes them: bitsandbytes takes floats where somebody
wants to train over several devices."""


class Unknown(Exception):
    """A description names what is not known here; the text says what. Never leaves this package."""


@dataclass(frozen=True, slots=True)
class Packing:
    """``said`` names it for people. A matrix is in several tensors, whose names end with ``parts``; ``codes`` is the
    one with its codes, ``restore`` takes all by these endings. ``ignored`` are others, which say nothing of
    weights."""

    said: str
    bits: int
    parts: tuple[str, ...]
    codes: str
    restore: Restore
    ignored: tuple[str, ...] = ()

    def numbers(self, part: str, kind: str, size: int) -> int:
        """How many weights a part of ``size`` numbers of a ``kind`` (as safetensors writes it) stands for."""
        if part != self.codes:
            return 0
        return size * _WIDTHS.get(kind, self.bits) // self.bits


def packing(config: Mapping[str, Any]) -> Packing | None:
    """What config.json says of rounded weights; None where it says nothing. Raises :class:`Unknown`."""
    mlx = config.get("quantization")
    if isinstance(mlx, dict) and "group_size" in mlx:
        return _mlx(mlx)
    said = config.get("quantization_config") or config.get("compression_config")
    if not isinstance(said, dict):
        return None
    method = str(said.get("quant_method") or "").lower()
    made = _METHODS.get(method)
    if made is None:
        raise Unknown("")
    return made(said)


def split(name: str, how: Packing | None) -> tuple[str, str]:
    """The module that a stored tensor belongs to, and which part of its rounded matrix it is; the name and nothing
    where it is none."""
    for part in () if how is None else how.parts:
        if name.endswith(f".{part}"):
            return name[: -len(part) - 1], part
    return name, ""


def _gptq(said: Mapping[str, Any]) -> Packing:
    layout = str(said.get("checkpoint_format") or said.get("format") or "gptq").lower()
    if layout not in ("gptq", "gptq_v2"):
        raise Unknown(f"laid out for {layout}")
    if said.get("dynamic"):
        raise Unknown("with settings of its own for some layers")
    bits, width = _bits(said), _width(said)
    return Packing(f"GPTQ, {bits} bits", bits, ("qweight", "qzeros", "scales", "g_idx"), "qweight",
                   partial(_restore_gptq, bits=bits, width=width, less_one=layout == "gptq"))  # fmt: skip


def _restore_gptq(parts: dict[str, torch.Tensor], bits: int, width: int, less_one: bool) -> Rounded:
    codes = unpack(parts["qweight"].t(), bits)
    zeros = unpack(parts["qzeros"], bits).t()
    if less_one:  # the first layout stores one less than what is subtracted
        zeros = zeros + 1 & (1 << bits) - 1
    scales = parts["scales"].t().float()
    width = width if width > 0 else codes.shape[1]
    groups = parts.get("g_idx")
    if groups is not None:
        groups = groups.long()
        if torch.equal(groups, torch.arange(codes.shape[1]) // width):
            groups = None
    return Grid(codes, scales, -zeros.float() * scales, width, groups)


def _awq(said: Mapping[str, Any]) -> Packing:
    layout = str(said.get("version") or said.get("checkpoint_format") or said.get("format") or "gemm").lower()
    bits = _bits(said)
    if layout != "gemm" or bits != 4:
        raise Unknown(f"laid out for {layout} in {bits} bits")
    return Packing("AWQ, 4 bits", bits, ("qweight", "qzeros", "scales"), "qweight",
                   partial(_restore_awq, width=_width(said)))  # fmt: skip


def _restore_awq(parts: dict[str, torch.Tensor], width: int) -> Rounded:
    def columns(packed: torch.Tensor) -> torch.Tensor:
        codes = unpack(packed, 4).unflatten(1, (-1, len(_AWQ_ORDER)))
        return codes[..., list(_AWQ_ORDER)].flatten(1).t().contiguous()

    codes, scales = columns(parts["qweight"]), parts["scales"].t().float()
    return Grid(codes, scales, -columns(parts["qzeros"]).float() * scales, width if width > 0 else codes.shape[1])


def _compressed(said: Mapping[str, Any]) -> Packing:
    groups = said.get("config_groups")
    described = [one for one in groups.values() if isinstance(one, dict)] if isinstance(groups, dict) else []
    layouts = {str(one.get("format") or said.get("format")) for one in described}
    weights = [one["weights"] for one in described if isinstance(one.get("weights"), dict)]
    rotated = said.get("transform_config")
    sparse = said.get("sparsity_config")
    if isinstance(rotated, dict) and rotated.get("config_groups"):
        raise Unknown("with rotations beside the weights")
    if isinstance(sparse, dict) and sparse.get("format") not in (None, "dense"):
        raise Unknown(f"sparse ({sparse['format']})")
    kinds = {(one.get("num_bits"), one.get("type", "int")) for one in weights}
    shared = {(one.get("group_size") or 0, str(one.get("block_structure") or "")) for one in weights}
    if len(layouts) != 1 or len(kinds) != 1 or len(shared) != 1 or len(weights) != len(described):
        raise Unknown("with several kinds of weights")
    (layout,), ((bits, kind),) = layouts, kinds
    block = next((one["block_structure"] for one in weights if one.get("block_structure")), None)
    width = next((int(one["group_size"]) for one in weights if one.get("group_size")), 0)
    ignored = ("input_scale", "input_zero_point", "output_scale", "output_zero_point", "k_scale", "v_scale")
    if layout == "pack-quantized" and kind == "int" and bits in PACKED_BITS:
        return Packing(f"compressed-tensors, {bits} bits", bits,
                       ("weight_packed", "weight_scale", "weight_zero_point", "weight_shape", "weight_g_idx"),
                       "weight_packed", partial(_restore_packed, bits=bits, width=width), ignored)  # fmt: skip
    plain = ("int-quantized", "float-quantized", "naive-quantized")
    if layout in plain and bits == 8 and kind in ("int", "float"):
        return Packing(f"compressed-tensors, {bits} bits{' (float)' if kind == 'float' else ''}", bits,
                       ("weight", "weight_scale", "weight_zero_point", "weight_g_idx"), "weight",
                       partial(_restore_scaled, block=block, width=width), ignored)  # fmt: skip
    raise Unknown(f"as {layout}, {kind} of {bits} bits")


def _restore_packed(parts: dict[str, torch.Tensor], bits: int, width: int) -> Rounded:
    outputs, inputs = (int(one) for one in parts["weight_shape"])
    codes = unpack(parts["weight_packed"], bits)[:, :inputs]
    scales = _by_rows(parts["weight_scale"])
    zeros: torch.Tensor | float = 1 << bits - 1
    if "weight_zero_point" in parts:
        stored = parts["weight_zero_point"]
        if stored.dtype == torch.int8:  # older versions write them one a byte, with a sign
            zeros = stored.float() + zeros
        else:
            zeros = unpack(stored.t(), bits).t()[:outputs].float()
    width = width if width > 0 else -(-inputs // scales.shape[1])
    return Grid(codes, scales, -zeros * scales, width, _named(parts))


def _restore_scaled(parts: dict[str, torch.Tensor], block: list[int] | None = None, width: int = 0) -> Rounded:
    """Codes of eight bits, one a byte, with a scale for all, for each row, for groups of a row, or for blocks."""
    codes = parts["weight"]
    if codes.dtype.itemsize > 1:
        raise ValueError("it has scales, but its numbers are whole already")
    scales = _by_rows(next(parts[name] for name in ("weight_scale", "weight_scale_inv") if name in parts))
    outputs, inputs = codes.shape
    width = block[1] if block else width if width > 0 else -(-inputs // scales.shape[1])
    if block and 1 < scales.shape[0] < outputs:
        scales = scales.repeat_interleave(block[0], 0)[:outputs]
    zeros = parts.get("weight_zero_point")
    offsets = None if zeros is None else -_by_rows(zeros) * scales
    return Grid(codes, scales, offsets, width, _named(parts))


def _named(parts: dict[str, torch.Tensor]) -> torch.Tensor | None:
    """The group of each column; None where they are in order, which -1 says as well."""
    groups = parts.get("weight_g_idx")
    return None if groups is None or bool((groups == -1).any()) else groups.long()


def _by_rows(scales: torch.Tensor) -> torch.Tensor:
    """As (rows or 1, groups or 1), float32."""
    if scales.dtype == torch.uint8:
        raise ValueError("its scales are exponents, not numbers")
    if scales.dim() < 2:
        scales = scales.reshape(-1, 1)
    return scales.float()


def _fp8(said: Mapping[str, Any]) -> Packing:
    block = said.get("weight_block_size")
    if str(said.get("fmt") or "e4m3") != "e4m3" or said.get("scale_fmt") not in (None, "float", "ue8m0"):
        raise Unknown("in another kind of eight-bit floats")
    return Packing("FP8", 8, ("weight", "weight_scale", "weight_scale_inv"), "weight",
                   partial(_restore_scaled, block=list(block) if block else None),
                   ("input_scale", "activation_scale", "input_scale_ub"))  # fmt: skip


def _bitsandbytes(said: Mapping[str, Any]) -> Packing:
    if not said.get("load_in_4bit") and not said.get("_load_in_4bit"):
        return Packing("bitsandbytes, 8 bits", 8, ("weight", "SCB", "weight_format"), "weight",
                       _restore_by_largest)  # fmt: skip
    states = tuple(f"weight.quant_state.bitsandbytes__{kind}" for kind in ("nf4", "fp4"))
    parts = ("weight", "weight.absmax", "weight.quant_map", "weight.nested_absmax", "weight.nested_quant_map", *states)
    return Packing("bitsandbytes, 4 bits", 4, parts, "weight", partial(_restore_book, states=states))


def _restore_by_largest(parts: dict[str, torch.Tensor]) -> Rounded:
    codes = parts["weight"]
    if int(parts.get("weight_format", torch.zeros(1)).sum()):
        raise ValueError("its codes are laid out for one kind of GPU")
    return Grid(codes, parts["SCB"].float().div(127).reshape(-1, 1), None, codes.shape[1])


def _restore_book(parts: dict[str, torch.Tensor], states: tuple[str, ...]) -> Rounded:
    said = json.loads(bytes(next(parts[name] for name in states if name in parts).tolist()))
    octets = parts["weight"].view(torch.uint8).flatten()
    codes = torch.stack((octets >> 4, octets & 15), 1).flatten()  # the upper four bits first
    scales = parts["weight.absmax"]
    if "weight.nested_absmax" in parts:  # scales are rounded as well
        inner = Book(scales.flatten(), parts["weight.nested_quant_map"], parts["weight.nested_absmax"].flatten(),
                     int(said["nested_blocksize"]), (1, scales.numel()))  # fmt: skip
        scales = inner.restored(torch.float32).flatten() + float(said["nested_offset"])
    return Book(codes, parts["weight.quant_map"].float(), scales, int(said["blocksize"]), tuple(said["shape"]))


def _mlx(said: Mapping[str, Any]) -> Packing:
    mode = str(said.get("mode") or "affine")
    bits = _bits(said)
    own = {(one.get("bits", bits), one.get("group_size", said["group_size"]), str(one.get("mode") or mode))
           for one in said.values() if isinstance(one, dict)}  # fmt: skip
    if mode != "affine" or own - {(bits, said["group_size"], mode)}:
        raise Unknown(f"as {mode}" if mode != "affine" else "with settings of its own for some layers")
    return Packing(f"MLX, {bits} bits", bits, ("weight", "scales", "biases"), "weight",
                   partial(_restore_mlx, bits=bits, width=_width(said)))  # fmt: skip


def _restore_mlx(parts: dict[str, torch.Tensor], bits: int, width: int) -> Rounded:
    return Grid(unpack(parts["weight"].view(torch.int32), bits), parts["scales"], parts["biases"], width)


def _bits(said: Mapping[str, Any]) -> int:
    bits = said.get("bits") or said.get("w_bit")
    if bits not in PACKED_BITS:
        raise Unknown(f"to {bits} bits")
    return int(bits)


def _width(said: Mapping[str, Any]) -> int:
    """Numbers that share a scale; -1: a whole row."""
    return int(said.get("group_size") or said.get("q_group_size") or -1)


_METHODS = {"gptq": _gptq, "awq": _awq, "compressed-tensors": _compressed, "fp8": _fp8, "fbgemm_fp8": _fp8,
            "bitsandbytes": _bitsandbytes}  # fmt: skip
