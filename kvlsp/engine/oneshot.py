"""A completion without a daemon: for the command line and for evaluation. Same path, no queue, no deadline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kvlsp.completion.copy_drafter import CopyDrafter
from kvlsp.completion.drafts import Drafting
from kvlsp.config import Settings
from kvlsp.engine.completion import CompletionJob
from kvlsp.engine.context import compose
from kvlsp.engine.remembering import Remembering
from kvlsp.engine.room import room_for
from kvlsp.engine.session import Session
from kvlsp.messages import PlaceContext
from kvlsp.opening.model import Model
from kvlsp.reasons import Reason
from kvlsp.text.document import Snapshot
from kvlsp.text.line_feeds import LineFeeds
from kvlsp.text.rope import Rope


@dataclass(frozen=True, slots=True)
class Completion:
    """``text`` to insert at the caret, or the ``reason`` why there is none; ``generated`` as the model gave it."""

    text: str
    reason: Reason | None
    generated: str
    report: Mapping[str, Any]


def complete_text(model: Model, text: str, offset: int, language: str = "",
                  settings: Settings | None = None, beside: PlaceContext | None = None, *,
                  grows: bool = False, remembering: Remembering | None = None) -> Completion:
    """Complete ``text`` at character ``offset``.

    ``language`` is a language id or a file name; ``beside`` names what the model should see of other files. With
    ``grows`` it sees of ``text`` what a daemon lays out first where nothing is resident, else the whole window.
    """
    chosen, both = settings or Settings(), LineFeeds.of(Rope.of(text))
    limit = room_for(model.decoder, chosen)
    session = Session(model, Snapshot(language, 0, both.plain, language), context=limit.tokens,
                      generation_rows=chosen.max_tokens, advice=limit.advice, grows=grows)
    session.remembering = remembering
    if beside is not None:
        room = min(chosen.cross_file_tokens, session.context_room)
        session.place(beside, room, compose(model, beside, language, room, session.placed))

    def drafting(place: int) -> Drafting | None:
        _, suffix = session.sides(place)
        return Drafting(CopyDrafter(session.tokens.ids), (), suffix.ids) if chosen.drafts else None

    job = CompletionJob(session, both.offset(offset), chosen, drafting=drafting)
    if job.refused is not None:
        return Completion("", job.refused, "", {})
    job.run()
    texts, reason = job.answers()
    best = texts[0].replace("\n", both.line_end_at(offset)) if texts else ""
    return Completion(best, None if texts else reason, job.text, job.report())
