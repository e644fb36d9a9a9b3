"""Clocks and ceilings of a device: what it takes, and what it could not take less than.

Ceilings are measured in the same run: bytes per second of a copy (counting what is read and what is written),
operations per second of a large matrix product on random numbers. A floor is the larger of bytes over the one and
operations over the other.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from kvlsp.model.lean import LeanDecoder


class Stopwatch:
    """Milliseconds on a device; the median of a few runs. On a CPU both clocks are the same."""

    def __init__(self, device: torch.device, repeats: int) -> None:
        self.device = device
        self.repeats = repeats
        self.gpu = device.type == "cuda"

    def device_ms(self, run: Callable[[], Any], warm: int = 3) -> float:
        """Between two events in the stream of the device: what the host takes is left out if it is ahead."""
        if not self.gpu:
            return self.wall_ms(run, warm)
        for _ in range(warm):
            run()
        pairs: list[tuple[Any, Any]] = []
        event: Any = torch.cuda.Event  # without types in torch
        torch.cuda.synchronize(self.device)
        for _ in range(self.repeats):
            begin, end = event(enable_timing=True), event(enable_timing=True)
            begin.record()
            run()
            end.record()
            pairs.append((begin, end))
        torch.cuda.synchronize(self.device)
        return statistics.median(float(begin.elapsed_time(end)) for begin, end in pairs)

    def wall_ms(self, run: Callable[[], Any], warm: int = 2) -> float:
        """By the host's clock until the device is done: what a person waits."""
        for _ in range(warm):
            run()
        return statistics.median(self.once(run) for _ in range(self.repeats))

    def once(self, run: Callable[[], Any]) -> float:
        """Milliseconds of one run by the host's clock."""
        self.wait()
        begin = time.perf_counter()
        run()
        self.wait()
        return (time.perf_counter() - begin) * 1e3

    def wait(self) -> None:
        """Until the device has done everything."""
        if self.gpu:
            torch.cuda.synchronize(self.device)


@dataclass(frozen=True, slots=True)
class Ceilings:
    """``bandwidth`` bytes per second, ``products`` operations per second."""

    bandwidth: float
    products: float

    def floor_ms(self, nbytes: float, operations: float = 0.0) -> float:
        """No run that moves so much and computes so much takes fewer milliseconds."""
        return max(nbytes / self.bandwidth, operations / self.products) * 1e3


def measure_ceilings(watch: Stopwatch, dtype: torch.dtype, nbytes: int, size: int) -> Ceilings:
    """Copy ``nbytes`` on the device; multiply two random (size, size) matrices."""
    device = watch.device
    source = torch.empty(nbytes, dtype=torch.uint8, device=device).random_()
    target = torch.empty_like(source)
    copying = watch.device_ms(partial(target.copy_, source))
    del source, target
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    multiplying = watch.device_ms(partial(torch.matmul, a, b))
    return Ceilings(2 * nbytes / copying * 1e3, 2 * size**3 / multiplying * 1e3)


@dataclass(frozen=True, slots=True)
class Cost:
    """Bytes and operations of a forward, from the sizes of the weights."""

    weights: int  # bytes of the matrices that every forward reads, the output layer among them
    matrices: int  # numbers in them
    head: int  # of these in the output layer
    slot: int  # bytes of rotated keys and values of one resident token
    mixing: int  # operations of attention per row and resident token

    @classmethod
    def of(cls, lean: LeanDecoder, vocabulary: int) -> Cost:
        matrices = sum(
            getattr(layer, name).numel()
            for layer in lean.weights
            for name in ("queries_keys_values", "output", "gate_up", "down")
        )
        hidden = lean.weights[0].output.shape[0]  # type: ignore[union-attr]
        head = vocabulary * hidden
        slot = 2 * lean.layers * lean.kv_heads * lean.width
        size = lean.dtype.itemsize
        return cls((matrices + head) * size, matrices + head, head, slot * size,
                   4 * lean.layers * lean.heads * lean.width)

    def forward(self, rows: int, resident: int, logits: int) -> tuple[float, float]:
        """Bytes and operations of ``rows`` rows over ``resident`` tokens, logits of ``logits`` of them."""
        operations = 2 * rows * (self.matrices - self.head) + 2 * logits * self.head + rows * resident * self.mixing
        return self.weights + resident * self.slot, operations

    def prefill(self, tokens: int, chunk: int) -> tuple[float, float]:
        """Bytes and operations of ``tokens`` tokens in chunks, logits of the last one."""
        chunks = -(-tokens // chunk)
        reads = self.weights * chunks + self.slot * sum(min(tokens, (i + 1) * chunk) for i in range(chunks))
        layers = 2 * tokens * (self.matrices - self.head) + 2 * self.head
        return reads, layers + tokens * tokens // 2 * self.mixing
