"""Which open documents the memory of the workspace is told of: while a document is open, nobody else tells its file.

The document that the user is in is told once they have left it. Until then the memory has its older text, and that is
hidden while the document completes: around the caret it would only repeat what is there already.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from kvlsp.syntax.language import Language
from kvlsp.text.document import Snapshot
from kvlsp.text.secret_names import secret_uri

LONGEST: Final = 128 << 10
"""Characters of a document; in longer ones there is data more often than code."""


class OpenTexts:
    """What has been told of which document, by URI. One thread."""

    def __init__(self) -> None:
        self._told: dict[str, Snapshot] = {}
        self._judged: dict[str, tuple[Snapshot, bool]] = {}
        """Whether a document counts; kept, since it is asked whenever the engine looks for work."""
        self._languages: Collection[str] = ()
        self._withheld: frozenset[str] = frozenset()

    def forget(self) -> None:
        """Whoever was told knows nothing any more."""
        self._told.clear()
        self._judged.clear()

    def withhold(self, uris: Iterable[str]) -> None:
        """These, and no others, do not count, whatever they hold."""
        self._withheld = frozenset(uris)
        self._judged.clear()

    def due(self, documents: Iterable[Snapshot], current: str | None, languages: Collection[str]) -> str | None:
        """The URI of one that changed since it was told, or that is to be forgotten; of ``languages`` those count,
        named as `grammars/` names them. Two comparisons for each document that is what it was."""
        self._judged = {one.uri: self._judge(one, languages) for one in documents}
        self._languages = languages
        wanted = {uri: one for uri, (one, counts) in self._judged.items() if counts}
        gone = next((uri for uri in self._told if uri not in wanted), None)
        if gone is not None:
            return gone
        return next((uri for uri, one in wanted.items() if uri != current and self._told.get(uri) is not one), None)

    def tell(self, uri: str, documents: Iterable[Snapshot], languages: Collection[str]) -> tuple[str, str]:
        """It counts as told from now on: its name and its text, "" for one that is to be forgotten."""
        found = next((one for one in documents if one.uri == uri and self._counts(one, languages)), None)
        if found is None:
            self._told.pop(uri, None)
            return uri, ""
        self._told[uri] = found
        return uri, str(found.text)

    def _judge(self, document: Snapshot, languages: Collection[str]) -> tuple[Snapshot, bool]:
        known = self._judged.get(document.uri)
        if known is not None and known[0] is document and languages == self._languages:
            return known
        return document, self._counts(document, languages)

    def _counts(self, document: Snapshot, languages: Collection[str]) -> bool:
        language = Language.of_document(document.language, document.uri)
        if language is None or language.name not in languages or len(document.text) > LONGEST:
            return False
        return document.uri not in self._withheld and not secret_uri(document.uri)  # as of files that are not open
