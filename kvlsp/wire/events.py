"""Events of an engine as frames, and back."""

from __future__ import annotations

from kvlsp import messages as plain
from kvlsp.wire import schema
from kvlsp.wire.words import to_bytes, to_mapping, to_text, to_values


def frame(event: plain.Event) -> schema.FromEngine:
    match event:
        case plain.Completed(ticket, items, reason, report):
            offered = tuple(schema.Offered(item.start, item.end, to_bytes(item.text), item.completion)
                            for item in items)
            return schema.Completed(ticket, offered, reason, to_values(report))
        case plain.StatusChanged(kind, message, percent, detail):
            return schema.Status(kind, to_bytes(message), percent, to_values(detail))
        case plain.PrefillProgress(uri, done, total):
            return schema.Prefill(to_bytes(uri), done, total)
        case plain.Notice(text):
            return schema.Notice(to_bytes(text))
        case plain.DocumentDescribed(ticket, description):
            return schema.DocumentDescribed(ticket, None if description is None else to_values(description))
        case plain.EngineDescribed(ticket, statistics):
            return schema.EngineDescribed(ticket, to_values(statistics))
        case plain.TokensDescribed(ticket, texts):
            return schema.TokensDescribed(ticket, tuple(map(to_bytes, texts)))
        case plain.Watched(ticket, view):
            return schema.Watched(ticket, to_values(view))


def event(frame: schema.FromEngine) -> plain.Event | None:
    """The event; None for a frame about the connection itself. :class:`WireError` for what no engine sends."""
    match frame:
        case schema.Completed(ticket, items, reason, report):
            texts = tuple(plain.Item(item.start, item.end, to_text(item.text), item.completion) for item in items)
            return plain.Completed(ticket, texts, reason, to_mapping(report))
        case schema.Status(kind, message, percent, detail):
            return plain.StatusChanged(kind, to_text(message), percent, to_mapping(detail))
        case schema.Prefill(uri, done, total):
            return plain.PrefillProgress(to_text(uri), done, total)
        case schema.Notice(text):
            return plain.Notice(to_text(text))
        case schema.DocumentDescribed(ticket, description):
            return plain.DocumentDescribed(ticket, None if description is None else to_mapping(description))
        case schema.EngineDescribed(ticket, statistics):
            return plain.EngineDescribed(ticket, to_mapping(statistics))
        case schema.TokensDescribed(ticket, texts):
            return plain.TokensDescribed(ticket, tuple(map(to_text, texts)))
        case schema.Watched(ticket, view):
            return plain.Watched(ticket, to_mapping(view))
    return None
