"""What a client may ask or tell beside the editing: statistics, the state of a document, feedback on items.

Handlers: see ``handlers``.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from kvlsp.messages import (
    DescribeDocument,
    DescribeEngine,
    DocumentDescribed,
    EngineDescribed,
    Feedback,
)
from kvlsp.server import folders, lsp
from kvlsp.server.answers import INVALID_PARAMS, Answer, Outcome, Refusal, Result
from kvlsp.server.convert import completion_of, plain, shown_item, uri_of
from kvlsp.server.protocol import LONGEST_METHOD
from kvlsp.server.shape import whole
from kvlsp.text.document import Snapshot
from kvlsp.text.units import PositionEncoding, characters_within

if TYPE_CHECKING:
    from kvlsp.server.server import KvlspServer

PATIENCE = 60.0
"""Seconds that a question to the engine may wait behind a model that loads or a forward that runs."""


def execute_command(ls: KvlspServer, params: lsp.ExecuteCommandParams) -> Any:
    command = COMMANDS.get(params.command)
    if command is None:
        raise Refusal(INVALID_PARAMS, f"kvlsp does not know the command {params.command[:LONGEST_METHOD]}.")
    return command(ls, list(params.arguments or ()))


def statistics(ls: KvlspServer, params: Any) -> Answer:
    """What the engine counts, and under ``server`` what became of the requests."""

    def translate(event: EngineDescribed) -> tuple[Outcome, None]:
        return Result({**plain(event.statistics), "server": counts(ls)}), None

    ticket = ls.tickets.issue(translate, PATIENCE)
    return ls.ask_engine(ticket, DescribeEngine(ticket.number))


def document_state(ls: KvlspServer, params: Any) -> Answer:
    """The document as the engine has it; null when neither engine nor server knows it."""
    uri = ls.documents.spelled(uri_of(params))

    def translate(event: DocumentDescribed) -> tuple[Outcome, None]:
        snapshot = ls.documents.snapshot(uri)
        if event.description is not None:
            return Result(plain(event.description)), None
        return Result(None if snapshot is None else _not_resident(snapshot)), None

    ticket = ls.tickets.issue(translate, PATIENCE)
    return ls.ask_engine(ticket, DescribeDocument(ticket.number, uri))


def accepted(ls: KvlspServer, arguments: Any) -> None:
    uri, completion = completion_of(arguments)
    _post(ls, Feedback(uri, completion, "accepted"))


def rejected(ls: KvlspServer, arguments: Any) -> None:
    uri, completion = completion_of(arguments)
    _post(ls, Feedback(uri, completion, "rejected"))


def pause(ls: KvlspServer, arguments: Any) -> None:
    """Nothing is offered for so many minutes; 0: until ``kvlsp.resume``."""
    match arguments:
        case []:
            ls.pause.begin()
        case [int() | float() as minutes, *_] if not isinstance(minutes, bool) and minutes >= 0:
            ls.pause.begin(minutes)
        case _:
            raise Refusal(INVALID_PARAMS, "A pause needs a number of minutes; 0 means until it is ended.")


def resume(ls: KvlspServer, arguments: Any) -> None:
    ls.pause.end()


def did_show_completion(ls: KvlspServer, params: Any) -> None:
    uri, completion, _text = shown_item(params)
    _post(ls, Feedback(uri, completion, "shown"))


def did_partially_accept_completion(ls: KvlspServer, params: Any) -> None:
    """``acceptedLength`` counts UTF-16 units of the item's text, whatever the position encoding is."""
    uri, completion, text = shown_item(params)
    units = whole(params.get("acceptedLength"))
    if units is None or units < 0:
        raise Refusal(INVALID_PARAMS, "A partial acceptance needs acceptedLength, a count of UTF-16 units.")
    length = characters_within(text, units, PositionEncoding.UTF16)
    _post(ls, Feedback(uri, completion, "partially_accepted", length))


def _post(ls: KvlspServer, feedback: Feedback) -> None:
    ls.post(feedback)


def counts(ls: KvlspServer) -> Mapping[str, Any]:
    """The requests of this conversation."""
    tickets = ls.tickets
    return {
        "uptimeSeconds": round(time.monotonic() - ls.started, 1),
        "openDocuments": len(ls.documents),
        "openRequests": len(tickets),
        "offered": tickets.offered,
        "empty": dict(sorted(tickets.empty.items())),
        "late": tickets.late,
        "workspace": folders.as_json(ls),
        "status": ls.status.as_json(),
    }


def _not_resident(snapshot: Snapshot) -> Mapping[str, Any]:
    """A document that the engine holds nothing of."""
    text = str(snapshot.text)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return {"version": snapshot.version, "sha256": digest, "characters": len(text),
            "tokens": 0, "cachedTokens": 0, "contextTokens": 0, "staleTokens": 0}


def inspect(ls: KvlspServer, arguments: Any) -> Answer:
    """``{address}`` of a page that watches this daemon."""
    return ls.onlookers.open()


def models(ls: KvlspServer, arguments: Any) -> Answer:
    """What could be chosen as the setting ``model``, and how it would do on this machine."""
    return ls.choosing.ask()


COMMANDS: Final[Mapping[str, Callable[..., Any]]] = {
    "kvlsp.statistics": statistics,
    "kvlsp.documentState": document_state,
    "kvlsp.accepted": accepted,
    "kvlsp.rejected": rejected,
    "kvlsp.pause": pause,
    "kvlsp.resume": resume,
    "kvlsp.inspect": inspect,
    "kvlsp.models": models,
}
