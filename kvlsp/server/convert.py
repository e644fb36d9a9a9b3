"""The protocol's values into ours and back: positions, changes, items.

Pure functions of a snapshot and the negotiated encoding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from kvlsp.config import Trigger
from kvlsp.messages import Item, Selected
from kvlsp.server import lsp
from kvlsp.server.answers import INVALID_PARAMS, Refusal
from kvlsp.server.shape import whole
from kvlsp.text.document import AnyChange, FullChange, RangeChange, Snapshot
from kvlsp.text.position import PositionEncoding, offset_of, position_of
from kvlsp.text.rope import Rope


def changes_of(events: Sequence[lsp.TextDocumentContentChangeEvent]) -> tuple[AnyChange, ...]:
    """The changes of one notification, in order."""
    return tuple(
        FullChange(event.text) if event.range is None
        else RangeChange(_pair(event.range.start), _pair(event.range.end), event.text)
        for event in events
    )


def offset_at(text: Rope, position: lsp.Position, encoding: PositionEncoding) -> int:
    return offset_of(text, position.line, position.character, encoding)


def range_of(text: Rope, start: int, end: int, encoding: PositionEncoding) -> lsp.Range:
    return lsp.Range(lsp.Position(*position_of(text, start, encoding)),
                     lsp.Position(*position_of(text, end, encoding)))


def trigger_of(kind: int | None) -> Trigger:
    """Who does not say it asks by hand."""
    return "invoked" if kind is None or kind <= lsp.InlineCompletionContext.BY_HAND else "automatic"


def selected_of(text: Rope, info: lsp.SelectedCompletionInfo | None,
                encoding: PositionEncoding) -> Selected | None:
    """The highlighted entry of the editor's suggest list, if one is."""
    if info is None:
        return None
    start = offset_at(text, info.range.start, encoding)
    return Selected(start, max(start, offset_at(text, info.range.end, encoding)), info.text)


def fits_selected(item: Item, selected: Selected | None, text: Rope) -> bool:
    """Whether the editor can show the item beside its open suggest list: it must go on from that entry."""
    if selected is None:
        return True
    if item.start > selected.start or item.end < selected.end:
        return False
    return item.text.startswith(text.slice(item.start, selected.start) + selected.text)


def inline_item(snapshot: Snapshot, item: Item, number: int,
                encoding: PositionEncoding) -> lsp.InlineCompletionItem:
    """Ghost text with an explicit range; accepting it runs a command that tells us the candidate's ``number``."""
    return lsp.InlineCompletionItem(
        insert_text=item.text,
        range=range_of(snapshot.text, item.start, item.end, encoding),
        command=accepted_command(snapshot.uri, number),
    )


def accepted_command(uri: str, number: int) -> lsp.Command:
    return lsp.Command(title="Accepted", command="kvlsp.accepted", arguments=[uri, number])


def completion_of(arguments: object) -> tuple[str, int]:
    """URI and number of the completion that feedback is about, from a command's arguments."""
    match arguments:
        case [str(uri), number, *_] if (completion := whole(number)) is not None:
            return uri, completion
    raise Refusal(INVALID_PARAMS, "Feedback on a completion needs the arguments of that item's command.")


def shown_item(params: object) -> tuple[str, int, str]:
    """URI, number and text of the item that a client shows or partly accepted."""
    match params:
        case {"item": {"command": {"arguments": list(arguments)}, "insertText": str(text)}}:
            return *completion_of(arguments), text
    raise Refusal(INVALID_PARAMS, "Feedback on a completion needs the whole item.")


def uri_of(params: object) -> str:
    """The document that a request of our own is about, named plainly or as the protocol does."""
    match params:
        case {"uri": str(uri)} | {"textDocument": {"uri": str(uri)}} | [str(uri), *_]:
            return uri
    raise Refusal(INVALID_PARAMS, "The request needs the URI of a document: {\"uri\": ...}.")


def texts_named(params: object) -> list[tuple[str, str | None]]:
    """The documents whose text a message opens or changes, whatever else is wrong with it: URIs, and language ids where
    they are opened."""
    named = [item for path in _TEXTS for item in _objects_at(params, path)]
    return [(item["uri"], language if isinstance(language := item.get("languageId"), str) else None)
            for item in named if isinstance(item.get("uri"), str)]


def plain(value: Any) -> Any:
    """The same in terms of JSON: numbers of numpy, enumerations and tuples come from the engine's reports."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or type(value) in (bool, int, float, str):
        return value
    return str(value)


_TEXTS = (
    ("textDocument",),
    ("cellTextDocuments",),
    ("change", "cells", "structure", "didOpen"),
    ("change", "cells", "textContent", "document"),
)
"""Where texts are named in the parameters of opening and changing, also a notebook's."""


def _objects_at(value: Any, path: Sequence[str]) -> list[Mapping[str, Any]]:
    """The objects at a path of keys; a list on the way stands for each of its items."""
    found = [value]
    for key in path:
        below = [item.get(key) for item in found if isinstance(item, Mapping)]
        found = [item for each in below for item in (each if isinstance(each, list) else [each])]
    return [item for item in found if isinstance(item, Mapping)]


def _pair(position: lsp.Position) -> tuple[int, int]:
    return position.line, position.character
