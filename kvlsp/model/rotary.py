"""Rotary positions: angle tables in float64, and the rotation of queries and keys by them (RoPE, arXiv
2104.09864).

Two layouts exist: *half* (dimension i is paired with i + pairs) and *interleaved* (2i with 2i + 1). Some
models rotate a part of each head only. The frequencies come from the model's own rotary module, whatever
scaling made them; which layout and which part is found by the probe.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

FIRST_TABLE = 4096  # positions tabulated at first; doubled when a later one is asked for


@dataclass(frozen=True, slots=True)
class Rotation:
    """How one kind of layer rotates: ``2 * pairs`` dimensions of each head, from dimension ``first`` on."""

    frequencies: tuple[float, ...]  # radians per position, one per pair
    scale: float  # attention scaling folded into cosine and sine (yarn, longrope)
    interleaved: bool
    first: int

    @property
    def width(self) -> int:
        """Rotated dimensions."""
        return 2 * len(self.frequencies)


class AngleTable:
    """Cosines and signed sines of a :class:`Rotation`, (positions, width), computed in float64 and cast once.

    The sine carries the sign of the partner: ``rotated = x * cosine + partner(x) * sine``.
    """

    def __init__(self, rotation: Rotation, dtype: torch.dtype, device: torch.device, length: int) -> None:
        self.rotation = rotation
        self.dtype = torch.float64 if dtype == torch.float64 else torch.float32
        self.device = device
        self.length = 0
        self.limit = length
        # A device other than the CPU must not be asked for the highest position: tabulate all at once.
        self.reach(min(length, FIRST_TABLE) if device.type == "cpu" else length)

    def reach(self, length: int) -> None:
        """Make positions below ``length`` available."""
        if length <= self.length:
            return
        length = max(length, min(2 * self.length, self.limit))
        frequencies = torch.tensor(self.rotation.frequencies, dtype=torch.float64)
        angles = torch.arange(length, dtype=torch.float64)[:, None] * frequencies
        cosine, sine = angles.cos() * self.rotation.scale, angles.sin() * self.rotation.scale
        if self.rotation.interleaved:
            cosine = cosine.repeat_interleave(2, -1)
            sine = torch.stack((-sine, sine), -1).flatten(-2)
        else:
            cosine, sine = torch.cat((cosine, cosine), -1), torch.cat((-sine, sine), -1)
        self.cosine = cosine.to(self.dtype).to(self.device)
        self.sine = sine.to(self.dtype).to(self.device)
        self.length = length

    def at(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Cosine and sine of int64 positions (rows), each (rows, width)."""
        return self.cosine.index_select(0, positions), self.sine.index_select(0, positions)


def partner(x: torch.Tensor, interleaved: bool) -> torch.Tensor:
    """The other dimension of each pair, unsigned."""
    if interleaved:
        return x.unflatten(-1, (-1, 2)).flip(-1).flatten(-2)
    return x.roll(x.shape[-1] // 2, -1)


def rotate(x: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor, rotation: Rotation) -> torch.Tensor:
    """Rotate (..., rows, head_dim) by angles (rows, width); arithmetic in the table's type, result in x's."""
    first, width = rotation.first, rotation.width
    whole = width == x.shape[-1]
    part = x if whole else x[..., first : first + width]
    part = part.to(cosine.dtype)
    turned = torch.addcmul(part * cosine, partner(part, rotation.interleaved), sine).to(x.dtype)
    if whole:
        return turned
    return torch.cat((x[..., :first], turned, x[..., first + width :]), -1)


def rotate_into(
    out: torch.Tensor, x: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor, rotation: Rotation
) -> None:
    """:func:`rotate`, bit for bit, written to ``out`` (..., rows, head_dim).

    Half the memory traffic where ``x`` and ``out`` are views of what is stored: nothing is gathered or put together.
    """
    first, width = rotation.first, rotation.width
    if width < x.shape[-1]:
        out[..., :first], out[..., first + width :] = x[..., :first], x[..., first + width :]
    part, target = x[..., first : first + width], out[..., first : first + width]
    exact = part if part.dtype == cosine.dtype else part.to(cosine.dtype)
    turned = torch.mul(exact, cosine, out=target) if exact is part else exact * cosine
    for here, there in _pairs(rotation):
        turned[..., here].addcmul_(exact[..., there], sine[..., here])
    if exact is not part:
        target.copy_(turned)


def _pairs(rotation: Rotation) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where the two dimensions of the pairs are, each with its partner's place."""
    half = len(rotation.frequencies)
    one, other = (slice(0, None, 2), slice(1, None, 2)) if rotation.interleaved else (slice(half), slice(half, None))
    return (one, other), (other, one)
