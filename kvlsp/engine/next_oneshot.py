"""Next edits without a daemon: for the command line. Each is taken before the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kvlsp.config import Settings
from kvlsp.engine.next_edit import NextEditJob
from kvlsp.engine.reader import JUDGED, Reader
from kvlsp.engine.room import room_for
from kvlsp.nextedit.change import Change
from kvlsp.nextedit.log import EditLog
from kvlsp.nextedit.proposal import Proposal
from kvlsp.opening.model import Model
from kvlsp.text import document
from kvlsp.text.document import Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope


@dataclass(frozen=True, slots=True)
class Step:
    """``proposal``, and the text ``before`` and ``after`` it is taken."""

    proposal: Proposal
    before: str
    after: str


def next_edits(model: Model, text: str, edits: Sequence[Edit], language: str, settings: Settings,
               most: int) -> Iterator[Step]:
    """What would be proposed after ``edits`` of ``text``, one after the other, each taken; at most ``most``."""
    room = room_for(model.decoder, settings)
    log, version = EditLog(), 0
    reader: Reader | None = None

    def follow(edit: Edit) -> None:
        nonlocal text, version
        version += 1
        around = text[max(0, edit.start - 1) : edit.start], text[edit.end : edit.end + 1]
        log.follow(edit, text[edit.start : edit.end], around, 0.0)
        text = text[: edit.start] + edit.text + text[edit.end :]
        if reader is not None:
            after = Snapshot(language, version, Rope.of(text), language)
            reader.edit((document.Change(edit, after.text),), after)

    for edit in edits[:-1]:
        follow(edit)
    reader = Reader(model, Snapshot(language, version, Rope.of(text), language), context=room.tokens,
                    advice=room.advice, until=until(len(text), edits[-1].end, room.tokens) if edits else None)
    while reader.step(256):
        pass
    for edit in edits[-1:]:
        follow(edit)
    for _ in range(most):
        changes = [Change.of(text, record.start, record.end, record.old) for record in log]
        found = NextEditJob(model, reader, changes, settings).run()
        if not found:
            return
        before, proposal = text, found[0]
        reader.settle()
        follow(Edit(proposal.place.start, proposal.place.end, proposal.text).minimised(proposal.old))
        yield Step(proposal, before, text)


def until(length: int, changed: int, rows: int) -> int | None:
    """Where the part of a text of ``length`` characters ends that a reader with ``rows`` reads after a change at
    ``changed``: None where it reads all."""
    characters = 2 * max(0, rows - JUDGED)  # a token has three characters and more, mostly
    return None if length <= characters else min(length, changed + characters // 2)
