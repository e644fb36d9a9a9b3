"""Where a model runs and in which precision: a plan of memory before anything is loaded.

All it needs to know of an architecture is how many numbers its weights are.
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
from kvlsp.model.limits import left
from kvlsp.model.rounding import BYTES

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


@dataclass(frozen=True, slots=True)
class Size:
    """How many numbers a model has: in all, per resident token, in its embedding and output layer (one if tied), and in
    its largest layer; the last two are 0 where nobody looked. ``whole``: all of it is in memory before it is rounded,
    as where an adapter is merged first."""

    parameters: int
    slot: int
    tables: int = 0
    layer: int = 0
    whole: bool = False


def plan(
    size: Size, device: str = "auto", dtype: str = "auto", *, quickest: Callable[[], torch.dtype | None] = lambda: None
) -> Plan:
    """Choose device and precision for a model of ``size``.

    ``quickest`` tells which precision is the quickest on this processor, where that was measured. Raises
    :class:`OutOfMemory` when it does not fit, :class:`ConfigurationError` for a device that is not there or a
    precision that kvlsp does not compute in.
    """
    if dtype in BYTES:
        if device not in ("auto", "cpu"):
            raise ConfigurationError(
                f"{dtype} weights run on the CPU only, not on {device}; set device to cpu or auto."
            )
        free, most = free_memory(torch.device("cpu")), needed_rounded(size, dtype)
        if most > free:
            raise OutOfMemory(
                f"The model needs {_lacking(most, free, 'cpu')} as {dtype}. {_narrower(size, dtype, free)}{_MEND}"
            )
        return Plan(torch.device("cpu"), torch.bfloat16, rounded_weights(size, dtype), free)
    if dtype not in (*PRECISIONS, "auto"):
        raise ConfigurationError(
            f"Weights cannot be held as {dtype}; choose one of {', '.join((*PRECISIONS, *BYTES))}."
        )
    wanted = [device] if device != "auto" else [one for one in ("cuda", "mps", "cpu") if _present(one)]
    refusals = []
    for name in wanted:
        if not _present(name):
            raise ConfigurationError(f"torch finds no device {name} on this machine; set device to auto.")
        where = torch.device(name)
        free = free_memory(where)
        precision = PRECISIONS[dtype] if dtype != "auto" else _quickest(where, quickest)
        if dtype == "auto" and needed(size, precision) > free and name == "cpu":
            precision = torch.bfloat16
        bytes_needed = needed(size, precision)
        if bytes_needed <= free:
            return Plan(where, precision, size.parameters * precision.itemsize, free)
        refusals.append(_lacking(bytes_needed, free, name))
    advice = _narrower(size, "", free_memory(torch.device("cpu"))) if device in ("auto", "cpu") else ""
    raise OutOfMemory(f"The model needs {' and '.join(refusals)}. {advice}{_MEND}")


def _quickest(where: torch.device, measured: Callable[[], torch.dtype | None]) -> torch.dtype:
    return (measured() if where.type == "cpu" else None) or precision_for(where)


def _narrower(size: Size, than: str, free: int) -> str:
    """The first precision narrower than ``than`` that fits, in a sentence; empty if none does."""
    names = list(BYTES)
    for name in names[names.index(than) + 1 :] if than in names else names:
        if needed_rounded(size, name) <= free:
            return f"With dtype {name} it would need {_size(needed_rounded(size, name))}, which is there. "
    return ""


_MEND = "Choose a smaller model or close other programs."


def _lacking(wanted: int, free: int, device: str) -> str:
    """Two sizes that differ also when they are written."""
    return f"{_size(wanted)} on {device}, {_size(max(wanted - free, 1 << 20))} more than is free"


def _size(count: int) -> str:
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{count / (1 << 20):,.0f} MiB"


def rounded_weights(size: Size, dtype: str) -> int:
    """Bytes of the weights in int8 or int4; embedding and output layer are held in eight bits by both."""
    return int((size.parameters - size.tables) * BYTES[dtype]) + size.tables


def needed_rounded(size: Size, dtype: str) -> int:
    """Bytes while weights are rounded, when most is in memory, with the least useful cache and workspace.

    Embedding and output layer are rounded first, from bfloat16; then layer by layer is read from its file, fused and
    rounded, or where the model is there as a whole taken from it.
    """
    weights, cache = rounded_weights(size, dtype), size.slot * RESIDENT * torch.bfloat16.itemsize
    first = torch.bfloat16.itemsize * size.parameters + max(size.tables, 6 * size.layer) if size.whole else 0
    return max(first, 3 * size.tables, weights + max(6 * size.layer, cache)) + WORKSPACE


def needed(size: Size, dtype: torch.dtype) -> int:
    """Bytes of weights, the least useful cache and workspace."""
    return (size.parameters + size.slot * RESIDENT) * dtype.itemsize + WORKSPACE


def free_memory(device: torch.device) -> int:
    """Bytes that can be taken now. On a shared-memory machine this is the system's, or less where this process is
    allowed less."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    allowed = left()
    return _of_the_system() if allowed is None else min(allowed, _of_the_system())


def _of_the_system() -> int:
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
    if device.type == "mps":  # before macOS 14 Apple's framework has no bfloat16
        return torch.bfloat16 if torch.backends.mps.is_macos_or_newer(14, 0) else torch.float16
    return _cpu_precision()


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
