"""Requests for the next edit: the place that an edit made wrong, and the line that belongs there.

The shape is the one that clients of copilot-language-server speak: the edits of an answer are alternatives. Handlers:
see ``handlers``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from kvlsp.messages import Completed, Feedback, NextEdit, Reason
from kvlsp.server import convert, lsp
from kvlsp.server.answers import CANCELLED, INVALID_PARAMS, Outcome, Refusal, Result
from kvlsp.server.completions import nothing
from kvlsp.server.convert import accepted_command, completion_of, offset_at, plain, range_of
from kvlsp.server.shape import Misfit, shaped, whole
from kvlsp.server.wishes import wanted

if TYPE_CHECKING:
    from kvlsp.server.server import KvlspServer

PATIENCE = 30.0
"""Seconds after which the engine is taken for dead; it answers within ten."""


class Named(msgspec.Struct):
    """The document of a request, perhaps with the version that the client has for it."""

    uri: str
    version: Any = None


class InlineEditParams(msgspec.Struct, rename="camel"):
    """What is read of a request. Without a context it came by itself."""

    text_document: Named
    position: lsp.Position
    context: lsp.InlineCompletionContext | None = None


def inline_edit(ls: KvlspServer, params: Any) -> Any:
    """``textDocument/copilotInlineEdit``: ``{edits: [{text, range, textDocument, command}]}``."""
    try:
        asked: InlineEditParams = shaped(params, InlineEditParams)
    except Misfit as misfit:
        raise Refusal(INVALID_PARAMS, f"A next edit needs a textDocument and a position: {misfit}.") from None
    none: dict[str, Any] = {"edits": []}
    snapshot = ls.documents.snapshot(ls.documents.spelled(asked.text_document.uri))
    if snapshot is None:
        return nothing(ls, Reason.UNKNOWN_DOCUMENT, none)
    encoding, mode = ls.client.encoding, ls.settings.next_edit
    offset = offset_at(snapshot.text, asked.position, encoding)
    kind = None if asked.context is None else asked.context.trigger_kind
    trigger = "automatic" if kind is None else convert.trigger_of(kind)
    unasked = mode == "off" or (mode == "asked" and trigger == "automatic")
    if unasked or ls.pause.on or not wanted(ls.settings, snapshot, offset, "invoked", ls.folders,
                                                   ls.notebooks.notebook_of(snapshot.uri)):
        return nothing(ls, Reason.DISABLED, none)

    said = whole(asked.text_document.version)
    version = ls.documents.version(snapshot.uri) if said is None else said

    def translate(event: Completed) -> tuple[Outcome, Reason | None]:
        now = ls.documents.snapshot(snapshot.uri)
        if now is None or now.version != snapshot.version:
            return Refusal(CANCELLED, "The document changed meanwhile."), Reason.SUPERSEDED
        edits = [{
            "text": item.text, "range": plain(msgspec.to_builtins(range_of(now.text, item.start, item.end, encoding))),
            "textDocument": {"uri": asked.text_document.uri, "version": version},
            "command": plain(msgspec.to_builtins(accepted_command(now.uri, item.completion))),
        } for item in event.items]
        return Result({"edits": edits}), None if edits else event.reason or Reason.NOTHING_TO_SAY

    ls.tickets.supersede(snapshot.uri, "next edit")
    ticket = ls.tickets.issue(translate, PATIENCE, snapshot.uri, "next edit", Result(none))
    question = NextEdit(ticket.number, snapshot.uri, snapshot.version, offset, trigger, time.monotonic(), ticket.cancel)
    return ls.ask_engine(ticket, question)


def did_show_inline_edit(ls: KvlspServer, params: Any) -> None:
    """``textDocument/didShowInlineEdit``: ``{item: {command}}`` as it was offered."""
    item = params.get("item") if isinstance(params, dict) else None
    command = item.get("command") if isinstance(item, dict) else None
    uri, completion = completion_of(command.get("arguments") if isinstance(command, dict) else None)
    ls.post(Feedback(uri, completion, "shown"))
