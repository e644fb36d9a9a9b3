"""Where a model runs and in which precision: a plan of memory before anything is loaded.

Of an architecture it takes how many numbers the weights are.
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


def plan(
    parameters: int, slot_numbers: int, device: str = "auto", dtype: str = "auto", *, mapped: bool = False
) -> Plan:
    """Choose device and precision for ``parameters`` numbers of weights, ``slot_numbers`` per resident token.

    ``mapped`` says that the files hold bfloat16: read as that they stay in their files until they are used.
    Raises :class:`OutOfMemory` when it does not fit, :class:`ConfigurationError` for a device that is not
    there or a precision that kvlsp does not compute in.
    """
    if dtype == "int8":
        if device not in ("auto", "cpu"):
            raise ConfigurationError(f"int8 weights run on the CPU only, not on {device}; set device to cpu or auto.")
        free, most = free_memory(torch.device("cpu")), needed_for_int8(parameters, slot_numbers, mapped)
        if most > free:
            raise OutOfMemory(f"The model needs {_lacking(most, free, 'cpu')} as int8. {_MEND}")
        return Plan(torch.device("cpu"), torch.bfloat16, parameters, free)
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
        refusals.append(_lacking(bytes_needed, free, name))
    smaller = needed_for_int8(parameters, slot_numbers, mapped)
    fits = device in ("auto", "cpu") and smaller <= free_memory(torch.device("cpu"))
    advice = f"With dtype int8 it would need {_size(smaller)}, which is there. " if fits else ""
    raise OutOfMemory(f"The model needs {' and '.join(refusals)}. {advice}{_MEND}")


_MEND = "Choose a smaller model or close other programs."


def _lacking(wanted: int, free: int, device: str) -> str:
    """Two sizes that differ also when they are written."""
    return f"{_size(wanted)} on {device}, {_size(max(wanted - free, 1 << 20))} more than is free"


def _size(count: int) -> str:
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{count / (1 << 20):,.0f} MiB"


def needed_for_int8(parameters: int, slot_numbers: int, mapped: bool) -> int:
    """Bytes while weights are rounded, when most is in memory: the eight-bit weights and what they are rounded from.

    Layers are let go as they are rounded. What is ``mapped`` from files lies there and not in memory.
    """
    return parameters * (1 if mapped else 2) + slot_numbers * RESIDENT * torch.bfloat16.itemsize + WORKSPACE


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
