"""The house has one direction of imports; this walks every import statement and holds the rooms to it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import kvlsp

ROOT = Path(kvlsp.__file__).parent

LEAVES = {"errors", "config"}
ALLOWED = {
    "errors": set(),
    "config": {"errors"},
    "text": set(),
    "model": set(),
    "default_model": {"model"},
    "syntax": {"text"},
    "tokens": {"text"},
    "prompt": {"tokens", "text"},
    "cache": {"prompt", "model"},
    "completion": {"tokens", "syntax", "text"},
    "workspace": {"text", "syntax"},
    "engine": {"text", "syntax", "tokens", "prompt", "model", "cache", "completion", "workspace", "default_model"},
    "server": {"engine", "text", "workspace"},
    "evaluation": None,
    "cli": None,
    "__main__": {"cli"},
}
TORCH = {"model", "cache", "engine", "default_model", "evaluation", "cli"}
PROTOCOL = {"server"}


def modules() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py") if path.parent != ROOT or path.stem != "__init__")


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names.add(node.module or "")
            if node.module == "kvlsp":
                names.update(f"kvlsp.{alias.name}" for alias in node.names)
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path):
    room = room_of(path)
    assert room in ALLOWED, f"{room} is no room: draw it in ARCHITECTURE.md and allow its imports here"
    allowed = ALLOWED[room]
    for name in imports(path):
        package, _, rest = name.partition(".")
        if package == "kvlsp" and rest and allowed is not None:
            target = rest.split(".")[0]
            assert target in allowed | LEAVES | {room, "__version__"}, f"{room} must not import {target}"
        if package == "torch":
            assert room in TORCH, f"{room} must not know torch"
        if package in {"pygls", "lsprotocol"}:
            assert room in PROTOCOL, f"only server/ knows the protocol, not {room}"


def test_the_walk_sees_the_house():
    assert {room_of(path) for path in modules()} >= set(ALLOWED) - {"__main__"}
