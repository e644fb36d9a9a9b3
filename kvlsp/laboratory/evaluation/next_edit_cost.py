"""What the first place of a next edit costs, from rest, beside the plain refresh that the same edit needs anyway.

A real engine, at rest over a document, is told that a parameter was renamed where it is defined, and asked for the next
edit as an editor asks when the keyboard rests. Forwards, their rows and seconds until the answer is there, and until
all is exact again; in the same engine with next edits off the latter is the plain refresh. Rows and forwards are the
figures without noise. The engine's thread is this one and never waits for a rest.
"""

from __future__ import annotations

import dataclasses
import re
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from kvlsp.config import Settings
from kvlsp.engine.engine import Engine
from kvlsp.errors import DocumentError
from kvlsp.laboratory.evaluation.opened import Clock, Counting, uncut
from kvlsp.messages import Completed, EditDocument, Event, NextEdit, OpenDocument
from kvlsp.opening.model import Model
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope

URI = "file:///edited.py"
NEW = "renamed_value"
_PARAMETER = re.compile(r"def \w+\((?:self, )?([a-z_]\w{2,})[,):]")


def measure(model: Model, texts: Sequence[str], settings: Settings, *, repeats: int = 3,
            clock: Clock = time.perf_counter, advance: Callable[[], None] = lambda: None) -> list[dict[str, Any]]:
    """A row per text: counts of the first run, medians of ``repeats`` for milliseconds; ``*_times`` are over the plain
    refresh. ``read_ms`` is what reading the whole text once costs, before the edit, with next edits on."""
    own = dataclasses.replace(uncut(settings), ahead=False)  # nothing but what is measured
    rows = []
    for text in texts:
        edit = rename(text)
        runs = []
        for _ in range(repeats):
            off = _run(model, text, edit, dataclasses.replace(own, next_edit="off"), clock)
            on = _run(model, text, edit, dataclasses.replace(own, next_edit="on"), clock)
            runs.append((off, on))
            advance()
        rows.append(_row(text, runs))
    return rows


def rename(text: str) -> Edit:
    """A parameter that is used below, as near as can be to a third of the text, renamed in its function's head."""
    found = []
    for one in _PARAMETER.finditer(text):
        body = text.find(":\n", one.end())
        if re.compile(rf"\b{one[1]}\b").search(text, body, body + 800):
            found.append(one)
    if not found:
        raise DocumentError("No parameter in this text is used below: there is nothing to rename.")
    near = min(found, key=lambda one: abs(one.start() - len(text) // 3))
    return Edit(near.start(1), near.end(1), NEW)


def _row(text: str, runs: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    off, on = runs[0]

    def median(which: int, name: str) -> float:
        return round(float(statistics.median(run[which][name] for run in runs)), 1)

    plain, place, whole = median(0, "exact_ms"), median(1, "answer_ms"), median(1, "exact_ms")
    return {
        "characters": len(text), "found": on["found"],
        "plain_rows": off["exact_rows"], "plain_forwards": off["exact_forwards"], "plain_ms": plain,
        "place_rows": on["answer_rows"], "place_forwards": on["answer_forwards"], "place_ms": place,
        "whole_rows": on["exact_rows"], "whole_forwards": on["exact_forwards"], "whole_ms": whole,
        "rows_times": _over(on["answer_rows"], off["exact_rows"]),
        "forwards_times": _over(on["answer_forwards"], off["exact_forwards"]),
        "ms_times": _over(place, plain), "whole_times": _over(on["exact_rows"], off["exact_rows"]),
        "read_ms": round(median(1, "open_ms") - median(0, "open_ms"), 1),
    }


def _over(one: float, other: float) -> float:
    return round(one / max(other, 1e-9), 3)


def _run(model: Model, text: str, edit: Edit, settings: Settings, clock: Clock) -> dict[str, Any]:
    counting = Counting(model.decoder)
    answers: list[Completed] = []

    def heard(event: Event) -> None:
        if isinstance(event, Completed):
            answers.append(event)

    def rest() -> None:
        while (patience := engine.patience()) is not None and patience < 1:  # what tidies up later is not awaited
            engine.turn(patience)
            if answers and "answer" not in marks:
                marks["answer"] = clock(), counting.rows + counting.generated, counting.forwards + counting.generated

    marks: dict[str, tuple[float, int, int]] = {}
    engine = Engine(settings, heard, lambda *_: dataclasses.replace(model, decoder=counting), clock)
    engine.load()
    engine.turn(None)
    began = clock()
    snapshot = Snapshot(URI, 1, Rope.of(text), "python")
    engine.post(OpenDocument(snapshot))
    rest()
    opened = clock() - began
    counting.rows = counting.forwards = counting.generated = 0
    after = snapshot.text.replace(edit)
    began = clock()
    engine.post(EditDocument(URI, 1, (Change(edit, after),), Snapshot(URI, 2, after, "python")))
    if settings.next_edit == "on":
        engine.post(NextEdit(1, URI, 2, edit.start + len(edit.text), "automatic", began))
    rest()
    answer = marks.get("answer", (began, 0, 0))
    return {
        "found": bool(answers and answers[0].items), "open_ms": 1000 * opened,
        "answer_ms": 1000 * (answer[0] - began), "answer_rows": answer[1], "answer_forwards": answer[2],
        "exact_ms": 1000 * (clock() - began), "exact_rows": counting.rows + counting.generated,
        "exact_forwards": counting.forwards + counting.generated,
    }
