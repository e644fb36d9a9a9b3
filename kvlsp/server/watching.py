"""Requests of whoever watches the engine: what it did and holds, and the texts of tokens. They change nothing.

Handlers: see ``handlers``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from kvlsp.messages import DescribeTokens, TokensDescribed, Watch, Watched
from kvlsp.server.answers import INVALID_PARAMS, Answer, Outcome, Refusal, Result
from kvlsp.server.shape import whole

if TYPE_CHECKING:
    from kvlsp.server.server import KvlspServer

PATIENCE: Final = 120.0
"""Seconds that a view may take: a model that loads comes first, and without news a view takes its time."""

MOST: Final = 1 << 16
"""Token ids of one question."""


def watch(ls: KvlspServer, params: Any) -> Answer:
    """The next view of the engine after turn ``since``, of the document ``uri`` or the one that the user is in."""
    params = params if isinstance(params, Mapping) else {}
    since, uri = whole(params.get("since", -1)), params.get("uri")
    if since is None or not (uri is None or isinstance(uri, str)):
        raise Refusal(INVALID_PARAMS, "This request takes since, a number, and perhaps uri, a string.")
    uri = None if uri is None else ls.documents.spelled(uri)

    def translate(event: Watched) -> tuple[Outcome, None]:
        return Result(event.view), None

    ticket = ls.tickets.issue(translate, PATIENCE)
    return ls.ask_engine(ticket, Watch(ticket.number, since, uri))


def tokens(ls: KvlspServer, params: Any) -> Answer:
    """The texts of token ``ids``, in their order; an empty list while there is no model."""
    ids = params.get("ids") if isinstance(params, Mapping) else None
    if not isinstance(ids, list) or len(ids) > MOST or any(whole(number) is None for number in ids):
        raise Refusal(INVALID_PARAMS, f"This request takes ids, a list of at most {MOST} numbers.")

    def translate(event: TokensDescribed) -> tuple[Outcome, None]:
        return Result(list(event.texts)), None

    ticket = ls.tickets.issue(translate, PATIENCE)
    return ls.ask_engine(ticket, DescribeTokens(ticket.number, tuple(map(int, ids))))
