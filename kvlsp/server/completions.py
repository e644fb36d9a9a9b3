"""Completion requests: the snapshot is taken on receipt, the engine's answer becomes the protocol's items.

Handlers: see ``handlers``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kvlsp.config import Trigger
from kvlsp.messages import Complete, Completed, Item, Reason, Selected
from kvlsp.server import convert, lsp, suggest_list, synchronisation
from kvlsp.server.answers import CANCELLED, Outcome, Refusal, Result
from kvlsp.server.wishes import wanted
from kvlsp.text.document import Snapshot

if TYPE_CHECKING:
    from kvlsp.server.server import KvlspServer

PATIENCE = 10.0
"""Seconds beyond a request's deadline after which the engine is taken for dead."""


def _for_client(ls: KvlspServer, items: tuple[Item, ...]) -> tuple[Item, ...]:
    """With the line ends that the client's editor takes."""
    if not ls.client.lines_apart:
        return items
    return tuple(replace(item, text=item.text.replace("\r\n", "\n").replace("\r", "\n")) for item in items)


def inline_completion(ls: KvlspServer, params: lsp.InlineCompletionParams) -> Any:
    """The snapshot is taken here, in the order of the messages; the request carries no version."""
    snapshot = ls.documents.snapshot(ls.documents.spelled(params.text_document.uri))
    if snapshot is None:
        return nothing(ls, Reason.UNKNOWN_DOCUMENT, [])
    encoding = ls.client.encoding
    context = params.context or lsp.InlineCompletionContext()
    selected = convert.selected_of(snapshot.text, context.selected_completion_info, encoding)

    def items_of(items: tuple[Item, ...]) -> list[lsp.InlineCompletionItem]:
        return [convert.inline_item(snapshot, item, item.completion, encoding)
                for item in _for_client(ls, items) if convert.fits_selected(item, selected, snapshot.text)]

    offset = convert.offset_at(snapshot.text, params.position, encoding)
    trigger = convert.trigger_of(context.trigger_kind)
    return complete(ls, Kind("inline", items_of, []), snapshot, offset, trigger, selected)


def completion(ls: KvlspServer, params: lsp.CompletionParams) -> Any:
    """The fallback for clients without inline completion: entries of the suggest list."""
    snapshot = ls.documents.snapshot(ls.documents.spelled(params.text_document.uri))
    none = lsp.CompletionList(is_incomplete=True, items=[])
    if snapshot is None:
        return nothing(ls, Reason.UNKNOWN_DOCUMENT, none)
    encoding, features = ls.client.encoding, ls.client.entries
    offset = convert.offset_at(snapshot.text, params.position, encoding)

    typed = ls.keys.automatic(snapshot, offset, ls.loop.time())
    kind = params.context.trigger_kind if params.context else None
    by_hand = (kind is None or kind <= lsp.CompletionContext.BY_HAND) and not typed

    def items_of(items: tuple[Item, ...]) -> lsp.CompletionList | None:
        entries = [suggest_list.entry(snapshot, offset, item, item.completion, features, encoding)
                   for item in _for_client(ls, items)]
        shown = [entry for entry in entries if entry is not None][:None if by_hand else 1]
        return lsp.CompletionList(is_incomplete=True, items=shown) if shown else None

    return complete(ls, Kind("list", items_of, none, Result(none)), snapshot, offset,
                    "invoked" if by_hand else "automatic", None)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of completion: ``items_of`` makes its items the protocol's, ``none`` is how an empty answer looks, and
    ``overtaken`` the answer that an edit or a newer request has made needless. Without one it is refused, as the
    protocol foresees; a list is empty then, because editors show a refused one as an error."""

    name: str
    items_of: Callable[[tuple[Item, ...]], Any]
    none: Any
    overtaken: Outcome | None = None


def complete(ls: KvlspServer, kind: Kind, snapshot: Snapshot, offset: int, trigger: Trigger,
             selected: Selected | None) -> Any:
    """Ask the engine for a completion."""
    received = time.monotonic()
    notebook = ls.notebooks.notebook_of(snapshot.uri)
    if ls.pause.on or not wanted(ls.settings, snapshot, offset, trigger, ls.folders, notebook):
        return nothing(ls, Reason.DISABLED, kind.none)

    def translate(event: Completed) -> tuple[Outcome, Reason | None]:
        now = ls.documents.snapshot(snapshot.uri)
        value = kind.items_of(event.items) if event.items else None
        reason = None if value else event.reason or Reason.WRONG_PLACE
        if now is None or now.version != snapshot.version:
            reason = Reason.SUPERSEDED  # some editors would draw it into the newer text, unchecked
        ls.loop.call_soon(ls.status.completed, len(event.items), reason, event.report)
        if reason in (Reason.SUPERSEDED, Reason.CANCELLED):
            return kind.overtaken or Refusal(CANCELLED, "The document or the request changed meanwhile."), reason
        return Result(value or kind.none), reason

    synchronisation.visit(ls, snapshot.uri)
    deadline = ls.settings.invoked_deadline_ms if trigger == "invoked" else ls.settings.deadline_ms
    ls.tickets.supersede(snapshot.uri, kind.name)
    ticket = ls.tickets.issue(translate, deadline / 1000 + PATIENCE, snapshot.uri, kind.name, kind.overtaken)
    inline = kind.name == "inline"
    question = Complete(ticket.number, snapshot.uri, snapshot.version, offset, trigger, received, selected,
                        ticket.cancel, ls.client.asks_again and inline,
                        ls.client.status and inline and trigger == "automatic")
    return ls.ask_engine(ticket, question)


def nothing(ls: KvlspServer, reason: Reason, none: Any) -> Any:
    """An empty answer that the engine was not asked for."""
    ls.tickets.nothing(reason)
    ls.status.completed(0, reason, {})
    return none
