"""Whether a model knows a programming language, and what to tell a user where it does not.

A model that does not name its languages is taken to know all of them. What follows from it (nothing is offered by
itself, an explicit request is answered) is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kvlsp.default_model.learned import languages_of, titles
from kvlsp.syntax.language import Language


class Knowledge:
    """What the model in ``folder`` knows, or one that names its ``languages`` elsewhere. Read once; answers are
    look-ups."""

    def __init__(self, folder: Path | None, languages: Iterable[str] = ()) -> None:
        self._languages = languages_of(folder) if folder is not None else frozenset(languages) or None

    def knows(self, language: str, uri: str = "") -> bool:
        """Whether the model has learned the language of an editor's language id, or else of a document's name."""
        if self._languages is None:
            return True
        found = Language.of_document(language, uri)
        return found is not None and found.name in self._languages

    def refusal(self, language: str, uri: str = "") -> str | None:
        """Why nothing is offered by itself in this language and what to do, for the status; None where it is known."""
        if self._languages is None or self.knows(language, uri):
            return None
        found = Language.of_document(language, uri)
        where = f"in {found.title}" if found is not None else "in this kind of file"
        return (
            f"The loaded model has learned only {titles(sorted(self._languages))}, so nothing is suggested by itself "
            f"{where}. Ask for a completion to see what it has, or set `model` to one that knows the language."
        )
