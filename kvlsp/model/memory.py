"""Where a model runs and in which precision: a plan of memory before anything is loaded.

It does not load anything and knows nothing of architectures but how many numbers the weights are.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch.nn.functional import linear

from kvlsp.errors import ConfigurationError, OutOfMemory

PRECISIONS = {"float64": torch.float64, "float32": torch.float32, "bfloat16": torch.bfloat16,
              "float16": torch.float16}  # fmt: skip
WORKSPACE = 64 << 20  # bytes of one chunk of prefill beside the weights and the cache
RESIDENT = 4096  # tokens whose keys and values must fit at least
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Plan:
    """What was decided: device, precision, bytes that the weights take and that are free now."""

    device: torch.device
    dtype: torch.dtype
    weights: int
    free: int


def plan(parameters: int, slot_numbers: int, device: str = "auto", dtype: str = "auto") -> Plan:
    """Choose device and precision for ``parameters`` numbers of weights, ``slot_numbers`` per resident token.

    Raises :class:`OutOfMemory` when it does not fit, :class:`ConfigurationError` for a device that is not
    there or a precision that kvlsp does not compute in.
    """
    if dtype == "int8":
        # A processor's matter; half as much again while the weights are rounded.
        if device not in ("auto", "cpu"):
            raise ConfigurationError(f"int8 weights run on the CPU only, not on {device}; set device to cpu or auto.")
        return plan(parameters + parameters // 2, slot_numbers, "cpu", "bfloat16")
    if dtype not in (*PRECISIONS, "auto"):
        raise ConfigurationError(f"Weights cannot be held as {dtype}; choose one of {', '.join(PRECISIONS)}.")
    wanted = [device] if device != "auto" else [one for one in ("cuda", "mps", "cpu") if _present(one)]
    refusals = []
    for name in wanted:
        if not _present(name):
            raise ConfigurationError(f"torch finds no device {name} on this machine; set device to auto.")
        where = torch.device(name)
        free = free_memory(where)
        precision = PRECISIONS[dtype] if dtype != "auto" else precision_for(where)
        if dtype == "auto" and needed(parameters, slot_numbers, precision) > free and name == "cpu":
            precision = torch.bfloat16
        bytes_needed = needed(parameters, slot_numbers, precision)
        if bytes_needed <= free:
            return Plan(where, precision, parameters * precision.itemsize, free)
        refusals.append(f"{bytes_needed / GIB:.1f} GiB on {name}, where {free / GIB:.1f} GiB are free")
    raise OutOfMemory(
        f"The model needs {' and '.join(refusals)}. Choose a smaller model or close other programs."
    )


def needed(parameters: int, slot_numbers: int, dtype: torch.dtype) -> int:
    """Bytes of weights, the least useful cache and workspace."""
    return (parameters + slot_numbers * RESIDENT) * dtype.itemsize + WORKSPACE


def free_memory(device: torch.device) -> int:
    """Bytes that can be taken now. On a shared-memory machine this is the system's."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    names = getattr(os, "sysconf_names", {})
    if "SC_AVPHYS_PAGES" in names:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if "SC_PHYS_PAGES" in names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 3 // 4
    return 8 * GIB  # unknown: a machine that runs an editor


def return_freed() -> None:
    """Give memory that nothing holds any more back to the system: glibc keeps what weights leave behind."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError, TypeError):  # another C library does as it pleases
        ctypes.CDLL(None).malloc_trim(0)


def precision_for(device: torch.device) -> torch.dtype:
    """The fastest precision of a device that code models tolerate."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.bfloat16 if device.type == "mps" else _cpu_precision()


@lru_cache(maxsize=1)
def _cpu_precision() -> torch.dtype:
    """bfloat16 where the processor multiplies it quicker than float32 for drafts and prefill (a few ms to
    ask)."""
    seconds = {}
    with torch.inference_mode():
        for dtype in (torch.float32, torch.bfloat16):
            rows, weights = torch.ones(16, 512, dtype=dtype), torch.ones(1024, 512, dtype=dtype)
            times = []
            for _ in range(8):
                begin = time.perf_counter()
                linear(rows, weights)
                times.append(time.perf_counter() - begin)
            seconds[dtype] = min(times)
    return min(seconds, key=lambda dtype: seconds[dtype])


def _present(device: str) -> bool:
    name = device.split(":")[0]
    if name == "cuda":
        return torch.cuda.is_available()
    if name == "mps":
        return torch.backends.mps.is_available()
    return name == "cpu"


def give_back() -> None:
    """Hand memory that was freed back to the system, where the C library keeps it (glibc); elsewhere nothing."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@lru_cache(maxsize=1)
def _malloc_trim() -> Callable[[int], int] | None:
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    return trim
