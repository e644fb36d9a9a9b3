"""What the workspace's other files say beside the model: read at rest, a piece at a time, and mixed where it is known
to help: with the model that the weights were learned with, in the languages that they name."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kvlsp.config import Settings
from kvlsp.engine.open_texts import OpenTexts
from kvlsp.memory.files import WorkspaceMemory
from kvlsp.memory.mixture import Mixture
from kvlsp.messages import Remember
from kvlsp.opening.model import Model
from kvlsp.syntax.language import Language
from kvlsp.text.document import Snapshot
from kvlsp.text.uris import file_of


class Remembering:
    """One client's memory of its workspace, for all of its documents. Texts that come before the model wait for it."""

    def __init__(self) -> None:
        self._memory = WorkspaceMemory()
        self._open = OpenTexts()

    def hear(self, message: Remember, settings: Settings) -> None:
        """Files of the workspace as they are now."""
        if message.anew:
            self._forget()
        if settings.remembers_workspace:
            self._memory.hear((file.path, file.text) for file in message.files)
        if message.withheld is not None:
            self._open.withhold(message.withheld)

    def waits(self, model: Model | None, documents: Collection[Snapshot] = (), current: str | None = None) -> bool:
        """Whether :meth:`step` has something to do; no text waits for a model that has no use for it."""
        if model is None:
            return False
        if self._memory.waits and not model.remembers:
            self._forget()
        return self._memory.waits or self._open.due(documents, current, model.remembers) is not None

    def step(self, model: Model, documents: Collection[Snapshot] = (), current: str | None = None) -> None:
        """Read a piece of a file, or one pass over what was read; of the open ``documents`` hear of one that has
        changed or is gone, of the ``current`` one once it is not that any more."""
        if not self._memory.waits:
            file = self._open.due(documents, current, model.remembers)
            if file is not None:
                self._memory.hear([self._open.tell(file, documents, model.remembers)])
            return

        def encode(text: str) -> Sequence[int]:
            ids: list[int] = model.tokenizer.encode(text, initial=False).ids.tolist()
            return ids

        self._memory.step(encode, model.tokenizer.vocabulary_size)

    def mixture(self, model: Model, language: Language | None, uri: str = "") -> Mixture | None:
        """What completions in ``language`` are mixed with, in the document ``uri`` without its own text; it stays as it
        is while more is read."""
        weights = model.remembers.get(language.name) if language is not None else None
        table = self._memory.table
        if not weights or table is None or not len(table):
            return None
        return Mixture(table, weights, self._memory.number(file_of(uri)))

    def describe(self) -> dict[str, int]:
        """Counts for the statistics: numbers only."""
        table = self._memory.table
        return {"files": self._memory.files, "tokens": len(table) if table is not None else 0,
                "bytes": table.nbytes if table is not None else 0}

    def _forget(self) -> None:
        self._memory.forget()
        self._open.forget()
