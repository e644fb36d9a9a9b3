"""What a page that watches this daemon may ask; it can change nothing.

Its messages come over a pipe or a socket.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import kvlsp
from kvlsp.server import commands, watching
from kvlsp.server.answers import METHOD_NOT_FOUND, Answer, Outcome, Refusal, Result

if TYPE_CHECKING:
    from kvlsp.server.server import KvlspServer

READS: Final[Mapping[str, Callable[[KvlspServer, Any], Answer]]] = {
    "kvlsp/watch": watching.watch,
    "kvlsp/tokens": watching.tokens,
    "kvlsp/statistics": commands.statistics,
    "kvlsp/documentState": commands.document_state,
}
"""What a watcher may ask, besides ``initialize``; all else is refused."""


def receive(ls: KvlspServer, message: Any, writer: asyncio.StreamWriter) -> None:
    """Answers a watcher's question, now or once the engine has; notifications change nothing."""
    if not isinstance(message, Mapping):  # an onlooker may send anything
        return
    method, number, params = (message.get(name) for name in ("method", "id", "params"))
    if isinstance(method, str) and number is not None:
        _answer(ls, method, params).deliver_to(lambda outcome: _send(writer, number, outcome))


def about(ls: KvlspServer) -> dict[str, Any]:
    """What a person needs to tell this daemon from another: the editor, its folders by name, how many documents are
    open."""
    folders = [uri.rstrip("/").rpartition("/")[2] for uri in ls.folders]
    return {"process": os.getpid(), "editor": ls.client.name, "folders": folders, "documents": len(ls.documents)}


def _answer(ls: KvlspServer, method: str, params: Any) -> Answer:
    answer = Answer()
    try:
        if method in READS:
            return READS[method](ls, params)
        if method != "initialize":
            raise Refusal(METHOD_NOT_FOUND, "This page can only watch.")
        answer.give(Result({"capabilities": {}, "serverInfo": {"name": "kvlsp", "version": kvlsp.__version__},
                            "about": about(ls)}))
    except Refusal as refusal:
        answer.give(refusal)
    return answer


def _send(writer: asyncio.StreamWriter, number: Any, outcome: Outcome) -> None:
    said: Any = {"jsonrpc": "2.0", "id": number}
    if isinstance(outcome, Refusal):
        said["error"] = {"code": outcome.code, "message": outcome.message}
    else:
        said["result"] = outcome.value
    body = json.dumps(said).encode("ascii")
    if not writer.is_closing():
        writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
