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
from kvlsp.text.uris import file_of

LONGEST: Final = 128 << 10
"""Characters of a document; in longer ones there is data more often than code."""


class OpenTexts:
    """What has been told of which document. One thread."""

    def __init__(self) -> None:
        self._told: dict[str, Snapshot] = {}
        """By the file that each is of, which may be open under two URIs; then the last of them counts."""
        self._judged: dict[str, tuple[Snapshot, bool, str]] = {}
        """Whether a document counts, and its file; kept, since it is asked whenever the engine looks for work."""
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
        """The file of one that changed since it was told, or that is to be forgotten; of ``languages`` those count,
        named as `grammars/` names them. Two comparisons for each document that is what it was."""
        self._judged = {one.uri: self._judge(one, languages) for one in documents}
        self._languages = languages
        wanted = {file: one for one, counts, file in self._judged.values() if counts}
        gone = next((file for file in self._told if file not in wanted), None)
        if gone is not None:
            return gone
        here = self._judged[current][2] if current in self._judged else current
        return next((file for file, one in wanted.items() if file != here and self._told.get(file) is not one), None)

    def tell(self, file: str, documents: Iterable[Snapshot], languages: Collection[str]) -> tuple[str, str]:
        """It counts as told from now on: its name and its text, "" for one that is to be forgotten."""
        found = [one for one in documents if file_of(one.uri) == file and self._counts(one, languages)]
        if not found:
            self._told.pop(file, None)
            return file, ""
        self._told[file] = found[-1]
        return file, str(found[-1].text)

    def _judge(self, document: Snapshot, languages: Collection[str]) -> tuple[Snapshot, bool, str]:
        known = self._judged.get(document.uri)
        if known is not None and known[0] is document and languages == self._languages:
            return known
        return document, self._counts(document, languages), known[2] if known is not None else file_of(document.uri)

    def _counts(self, document: Snapshot, languages: Collection[str]) -> bool:
        language = Language.of_document(document.language, document.uri)
        if language is None or language.name not in languages or len(document.text) > LONGEST:
            return False
        return document.uri not in self._withheld and not secret_uri(document.uri)  # as of files that are not open
