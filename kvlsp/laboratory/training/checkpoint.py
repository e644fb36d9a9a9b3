"""Saving and restoring a training exactly: weights, optimizer states, place in the corpus, budget, curve.

A checkpoint is a folder: pieces of less than 16 MiB, which travel where larger files do not, and a manifest
that names them. The manifest is replaced by a rename after its pieces are whole, so a kill at any time leaves
a whole checkpoint. Examples are pure functions of the cursors and nothing else is random after the start, so
these are all the state there is.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from kvlsp.errors import ModelBroken
from kvlsp.laboratory.training.examples import Cursor
from kvlsp.laboratory.training.network import Network

PIECE = 15 << 20
_MANIFEST = "manifest.json"


@dataclass
class Progress:
    """How far a training has come. `cursors` has one entry per phase and lane, `curve` one per
    measurement.
    """

    step: int = 0
    tokens: int = 0
    fraction: float = 0.0
    worked_seconds: float = 0.0
    cursors: list[list[Cursor]] = field(default_factory=list)
    curve: list[dict[str, float]] = field(default_factory=list)


def save(
    folder: Path, network: Network, optimizers: list[torch.optim.Optimizer], progress: Progress, piece: int = PIECE
) -> None:
    """Write everything into `folder`, in pieces of at most `piece` bytes, and drop the checkpoint before."""
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    torch.save(
        {
            "network": network.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in optimizers],
            "progress": asdict(progress),
        },
        buffer,
    )
    data = buffer.getbuffer()
    names = []
    for start in range(0, len(data), piece):
        names.append(f"step{progress.step:08d}.{start // piece:03d}")
        part = folder / f"{names[-1]}.part"
        part.write_bytes(data[start : start + piece])
        part.replace(folder / names[-1])
    manifest = {"pieces": names, "sha256": hashlib.sha256(data).hexdigest()}
    part = folder / f"{_MANIFEST}.part"
    part.write_text(json.dumps(manifest), encoding="utf-8")
    part.replace(folder / _MANIFEST)
    for old in folder.glob("step*"):
        if old.name not in names:
            old.unlink()


def exists(folder: Path) -> bool:
    """Whether `folder` holds a checkpoint."""
    return (folder / _MANIFEST).exists()


def restore(folder: Path, network: Network, optimizers: list[torch.optim.Optimizer]) -> Progress:
    """Load `folder` into network and optimizers. Raises ModelBroken when it is damaged or does not fit."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        data = b"".join((folder / name).read_bytes() for name in manifest["pieces"])
        if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
            raise ValueError("its pieces are not those of its manifest")
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        network.load_state_dict(state["network"])
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise ModelBroken(
            f"The checkpoint {folder} does not fit this preset: {error}. Train into an empty folder."
        ) from error
    record = state["progress"]
    record["cursors"] = [[Cursor(**cursor) for cursor in lanes] for lanes in record["cursors"]]
    return Progress(**record)
