"""Matrices that oneDNN has laid out in an order of its own, as bytes and back.

Laying out takes as long as rounding did, so it should be done once, not at every start. PyTorch has the way there and
back for what its compiler writes: a tensor's memory and the description of its layout, and a function of its stable C
interface that makes a tensor of both. What is made so reads the bytes where they are, in a mapped file for instance.
Whether it works here is tried before it is used.
"""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

_LIBRARY = {"darwin": "libtorch_cpu.dylib", "win32": "torch_cpu.dll"}.get(sys.platform, "libtorch_cpu.so")


def memory_of(packed: Any) -> torch.Tensor:
    """The bytes (uint8) of a matrix as they lie there, valid for as long as it is."""
    count = int(torch.ops.mkldnn._nbytes(packed))
    address = int(torch.ops.mkldnn.data_ptr(packed))
    return torch.frombuffer((ctypes.c_uint8 * count).from_address(address), dtype=torch.uint8)


def layout_of(packed: Any) -> bytes:
    """How its bytes are to be read: for this version of PyTorch, on a processor with the same instructions."""
    return bytes(torch.ops.mkldnn._get_mkldnn_serialized_md(packed).tolist())


def placed(memory: torch.Tensor, shape: tuple[int, ...], layout: bytes) -> Any:
    """A matrix (int8) over bytes that somebody else keeps, for as long as it is used. Raises :class:`RuntimeError`."""
    create, capsule, numbers = _calls()
    sizes = (ctypes.c_int64 * len(shape))(*shape)
    strides = (ctypes.c_int64 * len(shape))()
    made = ctypes.c_void_p()
    failed = create(memory.data_ptr(), len(shape), sizes, strides, 0, numbers["int8"], numbers["cpu"], 0,
                    ctypes.byref(made), numbers["mkldnn"], layout, len(layout))  # fmt: skip
    if failed:
        raise RuntimeError("PyTorch does not take the matrix as it was laid out")
    return torch._C._aoti.alloc_tensor_by_stealing_from_void_ptr(capsule(made, None, None))


@lru_cache(maxsize=1)
def _calls() -> tuple[Any, Any, dict[str, int]]:
    library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / _LIBRARY))
    create = library.aoti_torch_create_tensor_from_blob_v2
    whole, many = ctypes.c_int64, ctypes.POINTER(ctypes.c_int64)
    create.restype = ctypes.c_int32
    create.argtypes = [ctypes.c_void_p, whole, many, many, whole, ctypes.c_int32, ctypes.c_int32, ctypes.c_int32,
                       ctypes.POINTER(ctypes.c_void_p), ctypes.c_int32, ctypes.c_char_p, whole]  # fmt: skip
    capsule = ctypes.pythonapi.PyCapsule_New
    capsule.restype, capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    numbers = {"int8": library.aoti_torch_dtype_int8(), "cpu": library.aoti_torch_device_type_cpu(),
               "mkldnn": library.aoti_torch_layout__mkldnn()}  # fmt: skip
    return create, capsule, numbers


@lru_cache(maxsize=1)
def available() -> bool:
    """Whether a matrix that went to bytes and back multiplies to the same, to the bit."""
    try:
        generator = torch.Generator().manual_seed(0)
        codes = torch.randint(-127, 128, (96, 256), generator=generator).to(torch.int8)
        rows = torch.randint(0, 256, (7, 256), generator=generator).to(torch.uint8)
        packed = torch.ops.onednn.qlinear_prepack(codes, None)
        memory = memory_of(packed).clone()
        again = placed(memory, tuple(packed.shape), layout_of(packed))
        return torch.equal(_product(rows, packed), _product(rows, again))
    except (RuntimeError, AttributeError, TypeError, OSError, ValueError):  # another PyTorch, another processor
        return False


def _product(rows: torch.Tensor, packed: Any) -> torch.Tensor:
    scales, zeros = torch.ones(packed.shape[1]), torch.zeros(packed.shape[1], dtype=torch.int32)
    found: torch.Tensor = torch.ops.onednn.qlinear_pointwise(
        rows, 1.0, 128, packed, scales, zeros, None, 1.0, 0, torch.float32, "none", [], ""
    )
    return found
