"""From an edit to a suggestion through the whole engine, with a model of real size on a device.

The text and its tokens are real (the default model's vocabulary), the forwards are those of the large model, and what
it would say is replaced by a line that is known beforehand: random weights say nothing that ends.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from kvlsp.config import Settings
from kvlsp.engine.engine import Engine
from kvlsp.messages import Complete, Completed, EditDocument, Event, OpenDocument
from kvlsp.opening.model import Model
from kvlsp.text.document import Document, RangeChange
from kvlsp.text.position import position_of
from kvlsp.text.rope import Rope
from kvlsp.text.units import PositionEncoding

URI = "file:///resident.py"
TYPED = "        result = self.lookup(item.name, default=self.options.get('fallback'), strict=True)\n\n"
"""What is inserted: some 20 tokens and an empty line, on which a suggestion is wanted."""


class Scripted:
    """``decoder``, whose answers are ``line`` (token ids), one more with every forward that generates."""

    def __init__(self, decoder: Any, line: list[int], clock: Callable[[], float]) -> None:
        self._decoder, self._line, self._clock = decoder, line, clock
        self.times: list[float] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    def forward(self, document: Any, batch: Any) -> Any:
        logits = self._decoder.forward(document, batch)
        if not len(logits):
            return logits
        said = self._line[min(len(self.times), len(self._line) - 1)]
        chosen = int(logits[-1].argmax()) * 0 + said  # waits for the device as choosing a token does
        logits = torch.full_like(logits, -30.0)
        logits[:, chosen] = 0.0
        self.times.append(self._clock())
        return logits


def suggestions(
    model: Model, text: str, line: str, contexts: tuple[int, ...], settings: Settings, repeats: int = 7,
    clock: Callable[[], float] = time.perf_counter,
) -> list[dict[str, Any]]:
    """A row per number of resident tokens: milliseconds from the edit's message to the first token, and to the line."""
    ids = list(model.tokenizer.encode(line).ids)
    rows = []
    for context in contexts:
        scripted = Scripted(model.decoder, ids, clock)
        rows.append(_measured(dataclasses.replace(model, decoder=scripted), scripted, text, context, settings, repeats,
                              clock))  # fmt: skip
    return rows


def _measured(model: Model, scripted: Scripted, text: str, context: int, settings: Settings, repeats: int,
              clock: Callable[[], float]) -> dict[str, Any]:
    some = _first_tokens(model, text, context)
    document = Document.open(URI, "python", 1, some)
    answered: list[tuple[float, Completed]] = []

    def heard(event: Event) -> None:
        if isinstance(event, Completed):
            answered.append((clock(), event))

    engine = Engine(settings, heard, lambda *_: model, clock)
    engine.load()
    engine.turn(None)
    engine.post(OpenDocument(document.snapshot))
    first, whole, tokens, chosen = [], [], 0, ""
    for number in range(repeats + 2):
        _rest(engine)
        rope = document.snapshot.text
        at = _before_a_return(rope)
        before = document.snapshot.version
        place = position_of(rope, at, PositionEncoding.UTF16)
        changes = document.apply(before + 1, [RangeChange(place, place, TYPED)], PositionEncoding.UTF16)
        count = len(answered)
        scripted.times.clear()
        began = clock()
        engine.post(EditDocument(URI, before, changes, document.snapshot))
        engine.post(Complete(number + 1, URI, before + 1, at + len(TYPED) - 1, "automatic", began))
        while len(answered) == count and (patience := engine.patience()) is not None:
            engine.turn(patience)
        if number < 2 or len(answered) == count or not scripted.times:  # graphs are captured
            continue
        first.append((scripted.times[0] - began) * 1e3)
        whole.append((answered[-1][0] - began) * 1e3)
        tokens = len(scripted.times)
        last = answered[-1][1]
        chosen = last.items[0].text if last.items else f"nothing: {last.reason}"
    return {
        "resident": context, "edits": len(whole),
        "first_token_ms": round(statistics.median(first), 2) if first else None,
        "line_ms": round(statistics.median(whole), 2) if whole else None,
        "line_p90_ms": round(sorted(whole)[int(len(whole) * 0.9)], 2) if whole else None,
        "forwards": tokens, "said": chosen,
    }  # fmt: skip


def _before_a_return(rope: Rope) -> int:
    """The start of the line nearest to the middle at which a method returns something."""
    middle = rope.line_count // 2
    for line in sorted(range(rope.line_count - 1), key=lambda line: abs(line - middle)):
        start = rope.line_start(line)
        if rope.slice(start, rope.line_start(line + 1)).startswith("        return "):
            return start
    raise ValueError("The text has no method that returns something.")


def _rest(engine: Engine) -> None:
    while (patience := engine.patience()) is not None and patience < 1:  # what tidies up later is not awaited
        engine.turn(patience)


def _first_tokens(model: Model, text: str, count: int) -> str:
    from kvlsp.laboratory.evaluation.gestures import first_tokens

    return first_tokens(model, text * (1 + 6 * count // max(1, len(text))), count)
