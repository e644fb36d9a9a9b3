"""How much counts over other files weigh beside the default model; for any other model these weights mean nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "workspace_memory.json"
"""Beside the checkpoint's folder, not in it: it names the checkpoint by what its files hold."""


def languages() -> tuple[str, ...]:
    """The programming languages, as `grammars/` names them, in which other files help."""
    return tuple(sorted(_read().get("weights", {})))


def weights(identity: str) -> Mapping[str, Mapping[tuple[int, int, int], float]]:
    """By language and class of match (:func:`kvlsp.memory.mixture.kind`), for the checkpoint of this identity; empty
    for every other one."""
    return _weights(_read(), identity)


def learn(file: Path, identity: str, learned: Mapping[str, Mapping[tuple[int, int, int], float]]) -> None:
    """Writes to ``file`` what was learned with the checkpoint of this identity. What it knew of other languages stays,
    if that was learned with the same one."""
    file.write_text(as_text(identity, {**_weights(_from(file), identity), **learned}), encoding="utf-8")


def _weights(found: Mapping[str, Any], identity: str) -> Mapping[str, Mapping[tuple[int, int, int], float]]:
    if not identity or found.get("identity") != identity:
        return {}
    return {language: {(length, places, agreed): weight for length, places, agreed, weight in classes}
            for language, classes in found["weights"].items()}


def as_text(identity: str, learned: Mapping[str, Mapping[tuple[int, int, int], float]]) -> str:
    """What the file says of these weights: a line for each class."""
    parts = []
    for language, classes in sorted(learned.items()):
        lines = ",\n".join(f"   {json.dumps([*name, round(weight, 4)])}" for name, weight in sorted(classes.items()))
        parts.append(f'  {json.dumps(language)}: [\n{lines}\n  ]')
    return f'{{\n "identity": {json.dumps(identity)},\n "weights": {{\n' + ",\n".join(parts) + "\n }\n}\n"


@cache
def _read() -> Mapping[str, Any]:
    return _from(FILE)


def _from(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
