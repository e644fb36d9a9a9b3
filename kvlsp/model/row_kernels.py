"""Triton kernels of a step of one row: matrices times a vector, with all that stands between two of them.

A step of one row reads every weight once and computes next to nothing, so what counts is that memory never rests: six
kernels a layer, and with ``EARLY`` (Hopper and later: a launch that may begin before the kernel ahead has ended) the
first weights are on their way while the row is still being made. Imported only where Triton is installed
(:mod:`kvlsp.model.single_row`). Arithmetic is float32. Matrices are (out, in), contiguous.
"""

from __future__ import annotations

import triton
import triton.language as tl

from kvlsp.model.kernels import wait

# Triton is not installed where types are checked, and its kernels have none.
# mypy: disable-error-code="no-untyped-def, import-not-found, untyped-decorator"


@triton.jit
def project_heads(x, norm, weight, bias, positions, slots, cosine, sine, queries, storage, head_stride, epsilon, hidden,
                  HEADS: tl.constexpr, KV_HEADS: tl.constexpr, WIDTH: tl.constexpr, BIAS: tl.constexpr,
                  PAIRS: tl.constexpr, BLOCK: tl.constexpr, EARLY: tl.constexpr):  # fmt: skip
    """Norm of ``x`` (hidden), queries, keys and values of it, rotated and written as ``kernels.store_rows`` does.

    A program per head and ``PAIRS`` pairs of dimensions that turn together.
    """
    head = tl.program_id(0)
    HALF: tl.constexpr = WIDTH // 2
    i = tl.program_id(1) * PAIRS + tl.arange(0, PAIRS)
    k = tl.arange(0, BLOCK)
    upper = weight + (head * WIDTH + i).to(tl.int64)[:, None] * hidden + k[None, :]
    lower = upper + HALF * hidden
    there = (k < hidden)[None, :]
    a = tl.load(upper, mask=there, other=0.0)
    b = tl.load(lower, mask=there, other=0.0)
    wait(EARLY)
    first = tl.zeros((PAIRS, BLOCK), tl.float32)
    second = tl.zeros((PAIRS, BLOCK), tl.float32)
    squares = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, hidden, BLOCK):
        ahead = (start + BLOCK + k < hidden)[None, :]
        next_a = tl.load(upper + start + BLOCK, mask=ahead, other=0.0)
        next_b = tl.load(lower + start + BLOCK, mask=ahead, other=0.0)
        inside = start + k < hidden
        row = tl.load(x + start + k, mask=inside, other=0.0).to(tl.float32)
        squares += row * row
        row *= tl.load(norm + start + k, mask=inside, other=0.0).to(tl.float32)
        first += a.to(tl.float32) * row[None, :]
        second += b.to(tl.float32) * row[None, :]
        a, b = next_a, next_b
    scale = tl.rsqrt(tl.sum(squares, 0) / hidden + epsilon)
    p, q = tl.sum(first, 1) * scale, tl.sum(second, 1) * scale
    if BIAS:
        p += tl.load(bias + head * WIDTH + i).to(tl.float32)
        q += tl.load(bias + head * WIDTH + HALF + i).to(tl.float32)
    # Rounded as they are stored, so that a key moved later is rotated from the same numbers.
    p, q = p.to(storage.dtype.element_ty), q.to(storage.dtype.element_ty)
    at = tl.load(slots).to(tl.int64) * WIDTH + i
    if head >= HEADS:
        kept = storage + (head - HEADS + KV_HEADS).to(tl.int64) * head_stride + at
        tl.store(kept, p)
        tl.store(kept + HALF, q)
    if head < HEADS + KV_HEADS:
        angle = tl.load(positions).to(tl.int64) * WIDTH + i
        left, right = p.to(tl.float32), q.to(tl.float32)
        turned = left * tl.load(cosine + angle) + right * tl.load(sine + angle)
        turned_too = right * tl.load(cosine + angle + HALF) + left * tl.load(sine + angle + HALF)
        if head < HEADS:
            to = queries + head * WIDTH + i
            tl.store(to, turned.to(queries.dtype.element_ty))
            tl.store(to + HALF, turned_too.to(queries.dtype.element_ty))
        else:
            key = storage + (head - HEADS).to(tl.int64) * head_stride + at
            tl.store(key, turned.to(storage.dtype.element_ty))
            tl.store(key + HALF, turned_too.to(storage.dtype.element_ty))


@triton.jit
def project_onto(row, weight, bias, x, alpha, inputs, outputs, BIAS: tl.constexpr,
                 OUT: tl.constexpr, BLOCK: tl.constexpr, EARLY: tl.constexpr):  # fmt: skip
    """x += alpha * (weight @ row + bias), in place; a program per ``OUT`` outputs."""
    n = tl.program_id(0) * OUT + tl.arange(0, OUT)
    k = tl.arange(0, BLOCK)
    real = (n < outputs)[:, None]
    source = weight + n.to(tl.int64)[:, None] * inputs + k[None, :]
    w = tl.load(source, mask=real & (k < inputs)[None, :], other=0.0)
    wait(EARLY)
    total = tl.zeros((OUT, BLOCK), tl.float32)
    for start in range(0, inputs, BLOCK):
        coming = tl.load(source + start + BLOCK, mask=real & (start + BLOCK + k < inputs)[None, :], other=0.0)
        given = tl.load(row + start + k, mask=start + k < inputs, other=0.0).to(tl.float32)
        total += w.to(tl.float32) * given[None, :]
        w = coming
    made = tl.sum(total, 1)
    if BIAS:
        made += tl.load(bias + n, mask=n < outputs, other=0.0).to(tl.float32)
    made = tl.load(x + n, mask=n < outputs, other=0.0).to(tl.float32) + alpha * made
    tl.store(x + n, made.to(x.dtype.element_ty), mask=n < outputs)


@triton.jit
def gate_and_up(x, norm, weight, bias, act, epsilon, hidden, inner, BIAS: tl.constexpr,
                OUT: tl.constexpr, BLOCK: tl.constexpr, EARLY: tl.constexpr):  # fmt: skip
    """silu(gate) * up of the norm of ``x`` (hidden); ``weight`` is (2 * inner, hidden), gates first."""
    n = tl.program_id(0) * OUT + tl.arange(0, OUT)
    k = tl.arange(0, BLOCK)
    real = (n < inner)[:, None]
    gates = weight + n.to(tl.int64)[:, None] * hidden + k[None, :]
    ups = gates + inner.to(tl.int64) * hidden
    there = real & (k < hidden)[None, :]
    a = tl.load(gates, mask=there, other=0.0)
    b = tl.load(ups, mask=there, other=0.0)
    wait(EARLY)
    gate = tl.zeros((OUT, BLOCK), tl.float32)
    up = tl.zeros((OUT, BLOCK), tl.float32)
    squares = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, hidden, BLOCK):
        ahead = real & (start + BLOCK + k < hidden)[None, :]
        next_a = tl.load(gates + start + BLOCK, mask=ahead, other=0.0)
        next_b = tl.load(ups + start + BLOCK, mask=ahead, other=0.0)
        inside = start + k < hidden
        row = tl.load(x + start + k, mask=inside, other=0.0).to(tl.float32)
        squares += row * row
        row *= tl.load(norm + start + k, mask=inside, other=0.0).to(tl.float32)
        gate += a.to(tl.float32) * row[None, :]
        up += b.to(tl.float32) * row[None, :]
        a, b = next_a, next_b
    scale = tl.rsqrt(tl.sum(squares, 0) / hidden + epsilon)
    g, u = tl.sum(gate, 1) * scale, tl.sum(up, 1) * scale
    if BIAS:
        g += tl.load(bias + n, mask=n < inner, other=0.0).to(tl.float32)
        u += tl.load(bias + inner + n, mask=n < inner, other=0.0).to(tl.float32)
    tl.store(act + n, (g * tl.sigmoid(g) * u).to(act.dtype.element_ty), mask=n < inner)


@triton.jit
def project_logits(x, norm, weight, logits, epsilon, alpha, hidden, outputs, OUT: tl.constexpr, BLOCK: tl.constexpr):
    """alpha * weight @ norm of ``x`` (hidden), float32; a program per ``OUT`` outputs."""
    n = tl.program_id(0) * OUT + tl.arange(0, OUT)
    k = tl.arange(0, BLOCK)
    real = (n < outputs)[:, None]
    source = weight + n.to(tl.int64)[:, None] * hidden + k[None, :]
    w = tl.load(source, mask=real & (k < hidden)[None, :], other=0.0)
    total = tl.zeros((OUT, BLOCK), tl.float32)
    squares = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, hidden, BLOCK):
        coming = tl.load(source + start + BLOCK, mask=real & (start + BLOCK + k < hidden)[None, :], other=0.0)
        inside = start + k < hidden
        row = tl.load(x + start + k, mask=inside, other=0.0).to(tl.float32)
        squares += row * row
        row *= tl.load(norm + start + k, mask=inside, other=0.0).to(tl.float32)
        total += w.to(tl.float32) * row[None, :]
        w = coming
    scale = tl.rsqrt(tl.sum(squares, 0) / hidden + epsilon) * alpha
    tl.store(logits + n, tl.sum(total, 1) * scale, mask=n < outputs)
