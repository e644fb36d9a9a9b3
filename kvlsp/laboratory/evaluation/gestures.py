"""What an editing gesture costs: rows encoded and milliseconds, beside exact-prefix reuse and a full prefill.

Every gesture starts from a copy of the same document, its cache whole and exact, with the caret at the end of a line in
its middle, and ends with the logits that the next completion needs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kvlsp.engine.session import Session
from kvlsp.laboratory.evaluation.edits_policies import copied
from kvlsp.laboratory.evaluation.oracle import prefill
from kvlsp.laboratory.evaluation.replay import Reuse
from kvlsp.opening.model import Model
from kvlsp.prompt.layout import Layout
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope

_NEW_LINE = "    value = compute(value, limit)\n"
_BLOCK_LINES = 40
_AWAY = 100
_JUMP = 500


@dataclass(frozen=True, slots=True)
class Gesture:
    """``act`` turns (text, caret line) into sequential edits and the caret's offset after them."""

    name: str
    act: Callable[[Rope, int], tuple[list[Edit], int]]


def measure(model: Model, text: str, *, repeats: int = 5, context: int | None = None, only: str = "",
            advance: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Rows and milliseconds of every gesture on ``text`` (medians over ``repeats``), or ``only`` of the one of that
    name, and of a full prefill. ``advance`` is called :func:`steps` times."""
    rope = Rope.of(text)
    line = rope.line_count // 2
    limit = context or model.decoder.context_length
    full, tokens = _full_prefill(model, rope, _end_of_line(rope, line), limit)
    advance()
    settled = _settled(model, rope, _end_of_line(rope, line), limit)
    advance()
    results = []
    for gesture in GESTURES:
        if only and gesture.name != only:
            continue
        middle = _middle(settled, line, gesture, repeats, advance)
        middle["prefill_ratio"] = round(full / middle["milliseconds"], 1) if middle["milliseconds"] else 0.0
        results.append(middle)
    return {"document_tokens": tokens, "prefill_ms": round(full, 1), "gestures": results}


def steps(gestures: int, repeats: int) -> int:
    """Steps of so many gestures over one document: a prefill, the settling, and each run."""
    return 2 + gestures * repeats


def growth(model: Model, text: str, sizes: tuple[int, ...], *, repeats: int = 5,
           advance: Callable[[], None] = lambda: None) -> list[dict[str, Any]]:
    """A one-line edit at the top of documents of ``sizes`` tokens, the caret right behind it. ``advance`` is called
    :func:`steps` times for each."""
    rows = []
    for size in sizes:
        rope = Rope.of(first_tokens(model, text, size))
        limit = model.decoder.context_length
        caret = _end_of_line(rope, rope.line_count // 2)
        full, tokens = _full_prefill(model, rope, caret, limit)
        advance()
        settled = _settled(model, rope, caret, limit)
        advance()
        middle = _middle(settled, rope.line_count // 2, TOP_LINE, repeats, advance)
        rows.append({
            "document_tokens": tokens,
            "encoded": middle["encoded"],
            "repair_ms": middle["milliseconds"],
            "prefill_ms": round(full, 1),
            "ratio": round(full / middle["milliseconds"], 1),
        })
    return rows


def _settled(model: Model, rope: Rope, caret: int, context: int) -> Session:
    """The whole window, exact."""
    session = Session(model, Snapshot("gesture", 0, rope, ""), context=context, generation_rows=160)
    session.sync(caret, slide=True, wanted=_last)
    while session.refresh(256):
        pass
    return session


def _again(settled: Session) -> Session:
    """A session of its own with what ``settled`` has, without a forward."""
    session = Session(settled.model, settled.snapshot, context=settled.context, generation_rows=160)
    session.cache, session.window = copied(settled.cache), settled.window
    session.sync(settled.caret)
    return session


def _middle(settled: Session, line: int, gesture: Gesture, repeats: int, advance: Callable[[], None]) -> dict[str, Any]:
    """The run that took a middling time."""
    runs = []
    for _ in range(repeats):
        runs.append(_run(_again(settled), line, gesture))
        advance()
    runs.sort(key=lambda run: run["milliseconds"])
    return runs[len(runs) // 2]


def _run(session: Session, line: int, gesture: Gesture) -> dict[str, Any]:
    rope, caret = session.snapshot.text, session.caret
    reuse = Reuse()
    reuse.count(session, caret)
    edits, after = gesture.act(rope, line)
    text, changes = rope, []
    for edit in edits:
        text = text.replace(edit)
        changes.append(Change(edit, text))
    before = session.totals.slid
    began = time.perf_counter()
    if changes:
        session.edit(tuple(changes), Snapshot("gesture", 1, text, ""))
    _, result = session.sync(after, wanted=_last)
    took = 1000 * (time.perf_counter() - began)
    return {
        "gesture": gesture.name,
        "encoded": result.encoded + result.repaired,
        "moved": result.moved,
        "refilled": session.totals.slid - before,
        "milliseconds": round(took, 2),
        "prefix_reuse": reuse.count(session, after),
    }


def _full_prefill(model: Model, rope: Rope, caret: int, context: int) -> tuple[float, int]:
    session = Session(model, Snapshot("gesture", 0, rope, ""), context=context, generation_rows=160)
    layout = session.layout(caret)
    prefill(session, layout, wanted=_last(layout))
    began = time.perf_counter()
    prefill(session, layout, wanted=_last(layout))
    return 1000 * (time.perf_counter() - began), len(layout)


def first_tokens(model: Model, text: str, count: int) -> str:
    """The head of ``text`` (repeated if it is too short) of about ``count`` tokens, ending at a line end."""
    while len(starts := model.tokenizer.encode(text).starts) <= count:
        text += text
    return text[: text.rfind("\n", 0, int(starts[count])) + 1]


def _last(layout: Layout) -> list[int]:
    return [len(layout) - 1]


def _end_of_line(rope: Rope, line: int) -> int:
    line = max(0, min(line, rope.line_count - 1))
    end = rope.line_start(line + 1) if line + 1 < rope.line_count else len(rope)
    return end - len(rope.slice(rope.line_start(line), end)) + len(
        rope.slice(rope.line_start(line), end).rstrip("\r\n")
    )


def _type(rope: Rope, line: int) -> tuple[list[Edit], int]:
    caret = _end_of_line(rope, line)
    return [Edit(caret, caret, "x")], caret + 1


def _enter(rope: Rope, line: int) -> tuple[list[Edit], int]:
    caret = _end_of_line(rope, line)
    return [Edit(caret, caret, "\n    ")], caret + 5


def _caret(lines: int) -> Callable[[Rope, int], tuple[list[Edit], int]]:
    return lambda rope, line: ([], _end_of_line(rope, line + lines))


def _above(rope: Rope, line: int) -> int:
    return rope.line_start(max(0, line - _AWAY))


def _insert_line(rope: Rope, line: int) -> tuple[list[Edit], int]:
    at = _above(rope, line)
    return [Edit(at, at, _NEW_LINE)], _end_of_line(rope, line) + len(_NEW_LINE)


def _delete_line(rope: Rope, line: int) -> tuple[list[Edit], int]:
    at, end = _above(rope, line), rope.line_start(max(0, line - _AWAY) + 1)
    return [Edit(at, end, "")], _end_of_line(rope, line) - (end - at)


def _replace_line(rope: Rope, line: int) -> tuple[list[Edit], int]:
    at, end = _above(rope, line), rope.line_start(max(0, line - _AWAY) + 1)
    return [Edit(at, end, _NEW_LINE)], _end_of_line(rope, line) - (end - at) + len(_NEW_LINE)


def _move_block(rope: Rope, line: int) -> tuple[list[Edit], int]:
    top = max(0, line - _AWAY)
    at, end = rope.line_start(top), rope.line_start(min(line, top + _BLOCK_LINES))
    block = rope.slice(at, end)
    target = rope.line_start(min(line, top + _BLOCK_LINES + 10)) - len(block)
    return [Edit(at, end, ""), Edit(target, target, block)], _end_of_line(rope, line)


def _undo(rope: Rope, line: int) -> tuple[list[Edit], int]:
    edits, _ = _insert_line(rope, line)
    inserted = edits[0]
    return [inserted, Edit(inserted.start, inserted.start + len(inserted.text), "")], _end_of_line(rope, line)


def _at_top(rope: Rope, line: int) -> tuple[list[Edit], int]:
    return [Edit(0, 0, _NEW_LINE)], _end_of_line(rope, line) + len(_NEW_LINE)


TOP_LINE = Gesture("insert a line at the top", _at_top)

GESTURES = (
    Gesture("type a character", _type),
    Gesture("Enter", _enter),
    Gesture("caret up one line", _caret(-1)),
    Gesture("caret down one line", _caret(1)),
    Gesture(f"jump {_JUMP} lines", _caret(_JUMP)),
    Gesture(f"insert a line {_AWAY} lines above", _insert_line),
    Gesture(f"delete a line {_AWAY} lines above", _delete_line),
    Gesture(f"replace a line {_AWAY} lines above", _replace_line),
    Gesture(f"move a {_BLOCK_LINES}-line block", _move_block),
    Gesture("insert a line and undo", _undo),
)
