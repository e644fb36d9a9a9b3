"""What the workspace's other files say beside the model: read at rest, a piece at a time, and mixed where it is known
to help: with the model that the weights were learned with, in the languages that they name."""

from __future__ import annotations

from collections.abc import Sequence

from kvlsp.config import Settings
from kvlsp.memory.files import WorkspaceMemory
from kvlsp.memory.mixture import Mixture
from kvlsp.messages import Remember
from kvlsp.opening.model import Model
from kvlsp.syntax.language import Language


class Remembering:
    """Of one client, whatever document it is in. Texts that come before the model wait for it."""

    def __init__(self) -> None:
        self._memory = WorkspaceMemory()

    def hear(self, message: Remember, settings: Settings) -> None:
        """Files of the workspace as they are now."""
        if message.anew:
            self._memory.forget()
        if settings.remembers_workspace:
            self._memory.hear((file.path, file.text) for file in message.files)

    def waits(self, model: Model | None) -> bool:
        """Whether :meth:`step` has something to do; no text waits for a model that has no use for it."""
        if model is None or not self._memory.waits:
            return False
        if not model.remembers:
            self._memory.forget()
        return self._memory.waits

    def step(self, model: Model) -> None:
        """Read a piece of a file, or one pass over what was read."""

        def encode(text: str) -> Sequence[int]:
            ids: list[int] = model.tokenizer.encode(text, initial=False).ids.tolist()
            return ids

        self._memory.step(encode, model.tokenizer.vocabulary_size)

    def mixture(self, model: Model, language: Language | None) -> Mixture | None:
        """What completions in ``language`` are mixed with; it stays as it is while more is read."""
        weights = model.remembers.get(language.name) if language is not None else None
        table = self._memory.table
        return Mixture(table, weights) if weights and table is not None and len(table) else None

    def describe(self) -> dict[str, int]:
        """Counts for the statistics: numbers only."""
        table = self._memory.table
        return {"files": self._memory.files, "tokens": len(table) if table is not None else 0,
                "bytes": table.nbytes if table is not None else 0}
