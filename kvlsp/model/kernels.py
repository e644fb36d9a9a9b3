"""Triton kernels of a step on a GPU: what torch would do in a dozen small operations each.

Imported only where Triton is installed (:mod:`kvlsp.model.fused`). Arithmetic is float32, results are rounded once.
Storage of a layer is (3 * kv_heads, capacity, width) with the parts rotated keys, un-rotated keys, values; angles are
tables (positions, width) whose sine carries the sign of the partner. ``width`` must be a power of two.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl

# Triton is not installed where types are checked, and its kernels have none.
# mypy: disable-error-code="no-untyped-def, import-not-found, untyped-decorator"


@triton.jit
def wait(EARLY: tl.constexpr):
    """Let the kernel behind begin, and wait until the one ahead is done; ``EARLY`` is for launches that may overlap."""
    if EARLY:
        tl.extra.cuda.gdc_launch_dependents()
        tl.extra.cuda.gdc_wait()


@triton.jit
def mark_visible(position, owner, positions, owners, hides, mask, read, window, low,
                 HIDDEN: tl.constexpr, HIDES: tl.constexpr, WINDOW: tl.constexpr, BLOCK: tl.constexpr):  # fmt: skip
    """The additive mask (rows, ``read``): 0 where a row sees a slot, ``low`` elsewhere; a program per row and block.

    ``hides`` is (HIDDEN, rows), a slot that is not there where a row hides nothing; ``HIDES`` the power of two above.
    """
    row, rows = tl.program_id(0), tl.num_programs(0)
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = n < read
    at = tl.load(position + n, mask=inside, other=0)
    whose = tl.load(owner + n, mask=inside, other=-1)
    mine, me = tl.load(positions + row), tl.load(owners + row)
    seen = (at <= mine) & ((whose == 0) | (whose == me))
    if WINDOW:
        seen = seen & (at > mine - window)
    h = tl.arange(0, HIDES)
    hidden = tl.load(hides + h * rows + row, mask=h < HIDDEN, other=-1)
    seen = seen & (tl.sum((n[:, None] == hidden[None, :]).to(tl.int32), 1) == 0)
    marks = tl.where(seen, 0.0, low)
    tl.store(mask + row * read + n, marks.to(mask.dtype.element_ty), mask=inside)


@triton.jit
def add_and_norm(x, delta, weight, normed, alpha, epsilon, hidden, ADDS: tl.constexpr, BLOCK: tl.constexpr,
                 EARLY: tl.constexpr):  # fmt: skip
    """x += alpha * delta in place, then root-mean-square norm of it; a program per row of (rows, hidden)."""
    wait(EARLY)
    row = tl.program_id(0)
    i = tl.arange(0, BLOCK)
    there = i < hidden
    it = tl.load(x + row * hidden + i, mask=there, other=0.0).to(tl.float32)
    if ADDS:
        it += alpha * tl.load(delta + row * hidden + i, mask=there, other=0.0).to(tl.float32)
        rounded = it.to(x.dtype.element_ty)
        tl.store(x + row * hidden + i, rounded, mask=there)
        it = rounded.to(tl.float32)
    scale = tl.rsqrt(tl.sum(it * it, 0) / hidden + epsilon)
    w = tl.load(weight + i, mask=there, other=0.0).to(tl.float32)
    tl.store(normed + row * hidden + i, (it * scale * w).to(normed.dtype.element_ty), mask=there)


@triton.jit
def gated(both, out, inner, BLOCK: tl.constexpr, EARLY: tl.constexpr):
    """silu(gate) * up of (rows, 2 * inner); a program per row and block."""
    wait(EARLY)
    row = tl.program_id(0)
    i = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    there = i < inner
    gate = tl.load(both + row * 2 * inner + i, mask=there, other=0.0).to(tl.float32)
    up = tl.load(both + row * 2 * inner + inner + i, mask=there, other=0.0).to(tl.float32)
    tl.store(out + row * inner + i, (gate * tl.sigmoid(gate) * up).to(out.dtype.element_ty), mask=there)


@triton.jit
def store_rows(fused, norms, cosine, sine, positions, slots, queries, storage, head_stride, epsilon,
               HEADS: tl.constexpr, KV_HEADS: tl.constexpr, WIDTH: tl.constexpr, NORMS: tl.constexpr,
               EARLY: tl.constexpr):  # fmt: skip
    """Queries, keys and values of one row and head of (rows, heads + 2 * kv_heads, width): norm, rotate, write.

    Rotated queries go to (rows, heads, width); keys to their slot twice, un-rotated and rotated; values to their slot.
    """
    wait(EARLY)
    row, head = tl.program_id(0), tl.program_id(1)
    HALF: tl.constexpr = WIDTH // 2
    i = tl.arange(0, HALF)
    source = fused + (row * (HEADS + 2 * KV_HEADS) + head) * WIDTH + i
    a, b = tl.load(source).to(tl.float32), tl.load(source + HALF).to(tl.float32)
    turns = head < HEADS + KV_HEADS
    if NORMS and turns:
        scale = tl.rsqrt((tl.sum(a * a, 0) + tl.sum(b * b, 0)) / WIDTH + epsilon)
        a = a * scale * tl.load(norms + head * WIDTH + i).to(tl.float32)
        b = b * scale * tl.load(norms + head * WIDTH + HALF + i).to(tl.float32)
    # Rounded as they are stored, so that a key moved later is rotated from the same numbers.
    a, b = a.to(storage.dtype.element_ty), b.to(storage.dtype.element_ty)
    at = tl.load(slots + row).to(tl.int64) * WIDTH + i
    if head >= HEADS:
        # Un-rotated keys are the second part, values the third: one expression for both.
        kept = storage + (head - HEADS + KV_HEADS).to(tl.int64) * head_stride + at
        tl.store(kept, a)
        tl.store(kept + HALF, b)
    if turns:
        angle = tl.load(positions + row).to(tl.int64) * WIDTH + i
        x, y = a.to(tl.float32), b.to(tl.float32)
        first = x * tl.load(cosine + angle) + y * tl.load(sine + angle)
        second = y * tl.load(cosine + angle + HALF) + x * tl.load(sine + angle + HALF)
        if head < HEADS:
            to = queries + (row * HEADS + head) * WIDTH + i
            tl.store(to, first.to(queries.dtype.element_ty))
            tl.store(to + HALF, second.to(queries.dtype.element_ty))
        else:
            key = storage + (head - HEADS).to(tl.int64) * head_stride + at
            tl.store(key, first.to(storage.dtype.element_ty))
            tl.store(key + HALF, second.to(storage.dtype.element_ty))


@triton.jit
def rotate_moved(whole, slots, positions, cosine, sine, count, layer_stride, head_stride,
                 KV_HEADS: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr):  # fmt: skip
    """Keys of moved slots from their truth, in place; a program per block of slots, layer and key head."""
    block = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    layer = (tl.program_id(1) // KV_HEADS).to(tl.int64)
    head = (tl.program_id(1) % KV_HEADS).to(tl.int64)
    HALF: tl.constexpr = WIDTH // 2
    moved = block < count
    there = moved[:, None]
    i = tl.arange(0, HALF)[None, :]
    at = tl.load(slots + block, mask=moved, other=0).to(tl.int64)[:, None] * WIDTH + i
    angle = tl.load(positions + block, mask=moved, other=0).to(tl.int64)[:, None] * WIDTH + i
    keys = whole + layer * layer_stride + head * head_stride + at
    truth = keys + KV_HEADS * head_stride
    x = tl.load(truth, mask=there, other=0.0).to(tl.float32)
    y = tl.load(truth + HALF, mask=there, other=0.0).to(tl.float32)
    first = x * tl.load(cosine + angle, mask=there, other=0.0) + y * tl.load(sine + angle, mask=there, other=0.0)
    second = y * tl.load(cosine + angle + HALF, mask=there, other=0.0)
    second += x * tl.load(sine + angle + HALF, mask=there, other=0.0)
    tl.store(keys, first.to(whole.dtype.element_ty), mask=there)
    tl.store(keys + HALF, second.to(whole.dtype.element_ty), mask=there)


@triton.jit
def attend_part(queries, storage, mask, sums, stats, read, part, scale, head_stride, folded,
                HEADS: tl.constexpr, KV_HEADS: tl.constexpr, WIDTH: tl.constexpr,
                ROWS_BLOCK: tl.constexpr, SLOTS_BLOCK: tl.constexpr, EARLY: tl.constexpr):  # fmt: skip
    """Attention over ``part`` slots, not yet divided: a program per key head, part and block of folded rows.

    The ``folded`` = rows * group query rows of a key head are taken together. ``sums`` (kv_heads, parts, folded,
    width) and ``stats`` (kv_heads, parts, 2, folded: largest score, sum of shares) are float32.
    """
    wait(EARLY)
    head, number, parts = tl.program_id(0), tl.program_id(1), tl.num_programs(1)
    GROUP: tl.constexpr = HEADS // KV_HEADS
    m = tl.program_id(2) * ROWS_BLOCK + tl.arange(0, ROWS_BLOCK)
    real = m < folded
    row = m // GROUP
    d = tl.arange(0, WIDTH)
    source = queries + (row * HEADS + head * GROUP + m % GROUP)[:, None] * WIDTH + d[None, :]
    q = tl.load(source, mask=real[:, None], other=0.0)
    keys = storage + head.to(tl.int64) * head_stride
    values = keys + 2 * KV_HEADS * head_stride
    largest = tl.full((ROWS_BLOCK,), -float("inf"), tl.float32)
    total = tl.zeros((ROWS_BLOCK,), tl.float32)
    mixed = tl.zeros((ROWS_BLOCK, WIDTH), tl.float32)
    last = tl.minimum(number * part + part, read)
    for first in range(number * part, last, SLOTS_BLOCK):
        n = first + tl.arange(0, SLOTS_BLOCK)
        inside = n < last
        at = n.to(tl.int64)[:, None] * WIDTH + d[None, :]
        k = tl.load(keys + at, mask=inside[:, None], other=0.0)
        scores = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
        both = real[:, None] & inside[None, :]
        scores += tl.load(mask + row[:, None] * read + n[None, :], mask=both, other=0.0).to(tl.float32)
        scores = tl.where(inside[None, :], scores, -float("inf"))
        now = tl.maximum(largest, tl.max(scores, 1))
        shares = tl.exp(scores - now[:, None])
        shrink = tl.exp(largest - now)
        total = total * shrink + tl.sum(shares, 1)
        v = tl.load(values + at, mask=inside[:, None], other=0.0)
        mixed = mixed * shrink[:, None] + tl.dot(shares.to(v.dtype), v, input_precision="ieee")
        largest = now
    place = head * parts + number
    tl.store(sums + (place * folded + m)[:, None] * WIDTH + d[None, :], mixed, mask=real[:, None])
    tl.store(stats + place * 2 * folded + m, largest, mask=real)
    tl.store(stats + place * 2 * folded + folded + m, total, mask=real)


@triton.jit
def attend_whole(sums, stats, out, folded, parts, HEADS: tl.constexpr, KV_HEADS: tl.constexpr, WIDTH: tl.constexpr,
                 PARTS: tl.constexpr, EARLY: tl.constexpr):  # fmt: skip
    """Put the parts of one key head and folded row together: (rows, heads, width)."""
    wait(EARLY)
    head, m = tl.program_id(0), tl.program_id(1)
    GROUP: tl.constexpr = HEADS // KV_HEADS
    number = tl.arange(0, PARTS)
    there = number < parts
    place = head * parts + number
    largest = tl.load(stats + place * 2 * folded + m, mask=there, other=-float("inf"))
    total = tl.load(stats + place * 2 * folded + folded + m, mask=there, other=0.0)
    weight = tl.exp(largest - tl.max(largest, 0))
    d = tl.arange(0, WIDTH)
    part = tl.load(sums + (place * folded + m)[:, None] * WIDTH + d[None, :], mask=there[:, None], other=0.0)
    mixed = tl.sum(part * weight[:, None], 0) / tl.sum(total * weight, 0)
    to = out + ((m // GROUP) * HEADS + head * GROUP + m % GROUP) * WIDTH + d
    tl.store(to, mixed.to(out.dtype.element_ty))


def power_of_two(number: int) -> int:
    """The least power of two that is not smaller."""
    least: Any = triton.next_power_of_2(number)
    return int(least)
