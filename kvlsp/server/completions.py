"""Completion requests: the snapshot is taken on receipt, the engine's answer becomes the protocol's items.

Handlers: see ``handlers``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from kvlsp.config import Trigger
from kvlsp.engine.messages import Complete, Completed, Item, Reason, Selected
from kvlsp.server import convert
from kvlsp.server.answers import CANCELLED, Outcome, Refusal, Result
from kvlsp.text.document import Snapshot

if TYPE_CHECKING:
    from kvlsp.server.server import KvlspServer

PATIENCE = 10.0
"""Seconds beyond a request's deadline after which the engine is taken for dead."""


def inline_completion(ls: KvlspServer, params: types.InlineCompletionParams) -> Any:
    """The snapshot is taken here, in the order of the messages; the request carries no version."""
    snapshot = ls.documents.snapshot(params.text_document.uri)
    if snapshot is None:
        return nothing(ls, Reason.UNKNOWN_DOCUMENT, [])
    encoding = ls.client.encoding
    selected = convert.selected_of(snapshot.text, params.context.selected_completion_info, encoding)

    def items_of(items: tuple[Item, ...]) -> list[types.InlineCompletionItem]:
        return [convert.inline_item(snapshot, item, encoding) for item in items
                if convert.fits_selected(item, selected, snapshot.text)]

    offset = convert.offset_at(snapshot.text, params.position, encoding)
    trigger = convert.trigger_of(params.context.trigger_kind)
    return complete(ls, "inline", snapshot, offset, trigger, selected, items_of, [])


def completion(ls: KvlspServer, params: types.CompletionParams) -> Any:
    """The fallback for clients without inline completion: one entry of the suggest list."""
    snapshot = ls.documents.snapshot(params.text_document.uri)
    none = types.CompletionList(is_incomplete=True, items=[])
    if snapshot is None:
        return nothing(ls, Reason.UNKNOWN_DOCUMENT, none)
    offset = convert.offset_at(snapshot.text, params.position, ls.client.encoding)

    def items_of(items: tuple[Item, ...]) -> types.CompletionList | None:
        entries = [convert.list_item(snapshot, offset, item, ls.client.encoding) for item in items[:1]]
        shown = [entry for entry in entries if entry is not None]
        return types.CompletionList(is_incomplete=True, items=shown) if shown else None

    return complete(ls, "list", snapshot, offset, "automatic", None, items_of, none)


def complete(ls: KvlspServer, kind: str, snapshot: Snapshot, offset: int, trigger: Trigger,
             selected: Selected | None, items_of: Any, none: Any) -> Any:
    """Ask the engine for a ``kind`` of completion.

    ``items_of`` makes its items the protocol's, ``none`` is how an empty answer looks.
    """
    received = time.monotonic()
    if not ls.settings.serves(snapshot.language):
        return nothing(ls, Reason.DISABLED, none)

    def translate(event: Completed) -> tuple[Outcome, Reason | None]:
        now = ls.documents.snapshot(snapshot.uri)
        value = items_of(event.items) if event.items else None
        reason = None if value else event.reason or Reason.WRONG_PLACE
        if now is None or now.version != snapshot.version:
            reason = Reason.SUPERSEDED  # some editors would draw it into the newer text, unchecked
        ls.loop.call_soon(ls.status.completed, len(event.items), reason, event.report)
        if reason in (Reason.SUPERSEDED, Reason.CANCELLED):
            return Refusal(CANCELLED, "The document or the request changed meanwhile."), reason
        return Result(value or none), reason

    deadline = ls.settings.invoked_deadline_ms if trigger == "invoked" else ls.settings.deadline_ms
    ls.tickets.supersede(snapshot.uri, kind)
    ticket = ls.tickets.issue(translate, deadline / 1000 + PATIENCE, snapshot.uri, kind)
    question = Complete(ticket.number, snapshot.uri, snapshot.version, offset, trigger, received, selected,
                        ticket.cancel)
    return ls.ask_engine(ticket, question)


def nothing(ls: KvlspServer, reason: Reason, none: Any) -> Any:
    """An empty answer that the engine was not asked for."""
    ls.tickets.nothing(reason)
    ls.status.completed(0, reason, {})
    return none
