"""The server without threads, streams or time: messages in, messages out, the clock moves when told.

For tests about order and about answers, which must not depend on what a scheduler happens to do.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kvlsp.config import Settings
from kvlsp.crossfile.process import Launch
from kvlsp.server.frames import BadFrame, Frame, FrameReader
from kvlsp.server.server import KvlspServer
from kvlsp.workspace.process import launch
from tests.support.fake_engine import FakeEngine
from tests.support.whole_protocol import assert_fits
from tests.support.wired import Wired


@dataclass
class Call:
    """Something that the loop will do."""

    when: float
    what: Callable[[], Any]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class ManualLoop:
    """What the server uses of an asyncio loop; runs nothing until it is told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ready: list[Call] = []
        self.later: list[Call] = []

    def time(self) -> float:
        return self.now

    def call_soon(self, what: Callable[..., Any], *arguments: Any) -> Call:
        call = Call(self.now, lambda: what(*arguments))
        self.ready.append(call)
        return call

    call_soon_threadsafe = call_soon

    def call_later(self, delay: float, what: Callable[..., Any], *arguments: Any) -> Call:
        call = Call(self.now + delay, lambda: what(*arguments))
        self.later.append(call)
        return call

    def run(self) -> None:
        """Everything that is due."""
        while self.ready:
            call = self.ready.pop(0)
            if not call.cancelled:
                call.what()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        due = sorted((call for call in self.later if call.when <= self.now), key=lambda call: call.when)
        self.later = [call for call in self.later if call.when > self.now]
        self.ready.extend(due)
        self.run()


class Conversation:
    """A client's side of the talk: everything sent is handled at once, events when :meth:`run` is called."""

    def __init__(self, texts: tuple[str, ...] = ("pass",), hold: bool = False,
                 settings: Settings | None = None, launch_workspace: Launch = launch) -> None:
        self.loop = ManualLoop()
        self.sent: list[dict[str, Any]] = []
        """Every message of the server, in order."""
        self._frames = FrameReader()
        self._numbers = itertools.count(1)
        self._asked: dict[Any, str] = {}
        """The methods of the requests, by their ids."""
        self.engine: FakeEngine | None = None

        def make(chosen: Settings, events: Any) -> FakeEngine:
            self.engine = FakeEngine(chosen, events, texts, hold)
            return self.engine

        def wired(chosen: Settings, events: Any) -> Wired:
            return Wired(make, chosen, events)

        arranged = wired if os.environ.get("KVLSP_TEST_ENGINE") == "wired" else make
        self.server = KvlspServer(arranged, settings or Settings(), self.loop,  # type: ignore[arg-type]
                                  launch_workspace)
        self.server.protocol.write = self.write

    def write(self, data: bytes) -> None:
        for frame in self._frames.feed(data):
            assert isinstance(frame, Frame)
            message = json.loads(frame.body)
            assert_fits(message, self._asked.get(message.get("id")))
            self.sent.append(message)

    # --- sending ---

    def body(self, body: bytes) -> None:
        self.server.receive(Frame(body))

    def garbage(self, why: str) -> None:
        self.server.receive(BadFrame(why))

    def send(self, message: Any) -> None:
        self.body(json.dumps(message).encode())

    def notify(self, method: str, params: Any = None) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def request(self, method: str, params: Any = None) -> int:
        number = next(self._numbers)
        self._asked[number] = method
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        return number

    def ask(self, method: str, params: Any = None) -> Any:
        """The one answer's result, after everything due has run."""
        number = self.request(method, params)
        self.loop.run()
        [answer] = self.answers(number)
        assert "error" not in answer, answer
        return answer["result"]

    def refused(self, method: str, params: Any = None) -> dict[str, Any]:
        """The one answer's error."""
        number = self.request(method, params)
        self.loop.run()
        [answer] = self.answers(number)
        error: dict[str, Any] = answer["error"]
        return error

    # --- looking ---

    def answers(self, number: Any) -> list[dict[str, Any]]:
        return [m for m in self.sent if "method" not in m and m["id"] == number]

    def notified(self, method: str) -> list[Any]:
        """Parameters of each notification, or request of the server, of this method."""
        return [m["params"] for m in self.sent if m.get("method") == method]

    # --- habits ---

    def start(self, encoding: str = "utf-16", options: Any = None, client: str = "", **capabilities: Any) -> Any:
        result = self.ask("initialize", {
            **({"clientInfo": {"name": client}} if client else {}),
            "processId": None, "rootUri": None, "initializationOptions": options,
            "capabilities": {"general": {"positionEncodings": [encoding]},
                             "textDocument": {"inlineCompletion": {}}, **capabilities}})
        self.notify("initialized", {})
        self.loop.run()
        return result["capabilities"]

    def open(self, uri: str = "u:a", text: str = "", version: int = 1, language: str = "python") -> None:
        self.notify("textDocument/didOpen", {"textDocument": {
            "uri": uri, "languageId": language, "version": version, "text": text}})

    def change(self, uri: str, version: int, *changes: Any) -> None:
        self.notify("textDocument/didChange", {
            "textDocument": {"uri": uri, "version": version}, "contentChanges": list(changes)})

    def complete(self, uri: str = "u:a", line: int = 0, character: int = 0, trigger: int = 2,
                 **context: Any) -> int:
        return self.request("textDocument/inlineCompletion", {
            "textDocument": {"uri": uri}, "position": {"line": line, "character": character},
            "context": {"triggerKind": trigger, **context}})

    def text(self, uri: str = "u:a") -> str:
        """The document as the server has it; the engine must have the same."""
        snapshot = self.server.documents.snapshot(uri)
        assert snapshot is not None
        assert self.engine is not None
        assert str(self.engine.documents[uri].text) == str(snapshot.text)
        return str(snapshot.text)
