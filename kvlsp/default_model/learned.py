"""Which programming languages a model has learned, as its folder says it.

A model of kvlsp's recipe writes the names of its languages, as `grammars/` names them, into `config.json`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

#: Where `config.json` names the languages.
LANGUAGES_KEY = "code_languages"
_TITLES = {"python": "Python", "javascript": "JavaScript", "typescript": "TypeScript", "tsx": "TypeScript JSX"}


def languages_of(folder: Path) -> frozenset[str] | None:
    """The names of the languages that the model in ``folder`` has learned; None when it says nothing of them."""
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8")).get(LANGUAGES_KEY)
    except (OSError, ValueError, AttributeError):
        return None
    if not isinstance(found, list) or not found:
        return None
    return frozenset(str(name) for name in found)


def titles(languages: Sequence[str]) -> str:
    """The languages of these names as a person lists them."""
    found = [_TITLES.get(name, name) for name in languages]
    return " and ".join([", ".join(found[:-1]), found[-1]]) if len(found) > 1 else "".join(found)
