"""A small raw language client: frames over two streams, to a process or to a server in this process.

Raw, because tests send what no library would let them send, and want to see what really comes back.
"""

from __future__ import annotations

import itertools
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from kvlsp.config import Settings
from kvlsp.server.server import MakeBeside, MakeEngine, Nobody
from kvlsp.server.transport import serve_pipes

TIMEOUT = 60.0
"""Seconds after which a test has failed; nothing waits that long unless it is broken."""


class LspClient:
    """Sends and receives messages. Requests of the server get ``replies[method]``, else null."""

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        self.incoming, self.outgoing = incoming, outgoing
        self.process: subprocess.Popen[bytes] | None = None
        self.thread: threading.Thread | None = None
        self.exit_codes: list[int] = []
        self.replies: dict[str, Any] = {}
        self.received: list[dict[str, Any]] = []
        """Every message of the server, in order."""
        self._news = threading.Condition()
        self._ended = False
        self._numbers = itertools.count(1)
        self._versions: dict[str, int] = {}
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._write, daemon=True).start()

    # --- beginning and end ---

    @classmethod
    def spawn(cls, command: Sequence[str], **options: Any) -> LspClient:
        """A client of a new process."""
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)
        assert process.stdin
        assert process.stdout
        client = cls(process.stdout, process.stdin)
        client.process = process
        return client

    @classmethod
    def connect(cls, make_engine: MakeEngine, settings: Settings | None = None,
                beside: MakeBeside = Nobody) -> LspClient:
        """A client of a server that runs in a thread of this process."""
        server_in, client_out = os.pipe()
        client_in, server_out = os.pipe()
        client = cls(os.fdopen(client_in, "rb"), os.fdopen(client_out, "wb", buffering=0))

        def serve() -> None:
            try:
                code = serve_pipes(make_engine, settings or Settings(), server_in, server_out, beside)
                client.exit_codes.append(code)
            finally:
                os.close(server_out)

        client.thread = threading.Thread(target=serve, daemon=True)
        client.thread.start()
        return client

    def initialize(self, options: Any = None, encodings: Sequence[str] = ("utf-16",), name: str | None = None,
                   root: str | None = None, **capabilities: Any) -> Any:
        """The opening of the conversation; returns the server's capabilities. ``name``: what the client calls
        itself."""
        offered = {"general": {"positionEncodings": list(encodings)},
                   "textDocument": {"inlineCompletion": {}}, **capabilities}
        who = {} if name is None else {"clientInfo": {"name": name}}
        result = self.ask("initialize", {"processId": os.getpid(), "rootUri": root, "capabilities": offered,
                                         "initializationOptions": options, **who})
        self.notify("initialized", {})
        return result["capabilities"]

    def close(self) -> int:
        """shutdown and exit; returns the exit code."""
        self.ask("shutdown", None)
        self.notify("exit")
        return self.exit_code()

    def exit_code(self) -> int:
        """Waits until the server has ended."""
        if self.process is not None:
            return self.process.wait(TIMEOUT)
        assert self.thread is not None
        self.thread.join(TIMEOUT)
        return self.exit_codes[0]

    def hang_up(self) -> None:
        """Closes the stream to the server without a word."""
        self._outbox.put(None)

    # --- sending ---

    def send_raw(self, data: bytes) -> None:
        self._outbox.put(data)

    def send(self, message: Any) -> None:
        # ASCII escapes, as editors in JavaScript send lone surrogates
        body = json.dumps(message).encode("ascii")
        self.send_raw(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def notify(self, method: str, params: Any = None) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def request(self, method: str, params: Any) -> int:
        """Sends a request and returns its id."""
        number = next(self._numbers)
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        return number

    def ask(self, method: str, params: Any) -> Any:
        """Sends a request and returns its result; an error answer is raised."""
        answer = self.answer_to(self.request(method, params))
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    # --- receiving ---

    def answers_to(self, number: Any) -> list[dict[str, Any]]:
        """What has come so far with this id."""
        with self._news:
            return [m for m in self.received if "method" not in m and m.get("id") == number]

    def answer_to(self, number: Any) -> dict[str, Any]:
        return self.wait_for(lambda m: "method" not in m and m.get("id") == number)

    def notification(self, method: str, fits: Callable[[Any], bool] = lambda params: True) -> Any:
        """The first notification or request of the server that fits; returns its parameters."""
        return self.wait_for(lambda m: m.get("method") == method and fits(m.get("params")))["params"]

    def wait_for(self, fits: Callable[[Mapping[str, Any]], bool], timeout: float = TIMEOUT) -> dict[str, Any]:
        """The first message, already received or to come, that fits."""
        with self._news:
            found: list[dict[str, Any]] = []

            def look() -> bool:
                found[:] = [m for m in self.received if fits(m)][:1]
                return bool(found) or self._ended

            self._news.wait_for(look, timeout)
            if not found:
                state = "the server has ended" if self._ended else f"nothing came in {timeout:.0f} s"
                raise TimeoutError(f"{state}; received: {[summary(m) for m in self.received][-20:]}")
            return found[0]

    # --- documents ---

    def open(self, uri: str, text: str, language: str = "python", version: int = 1) -> None:
        self._versions[uri] = version
        self.notify("textDocument/didOpen", {"textDocument": {
            "uri": uri, "languageId": language, "version": version, "text": text}})

    def change(self, uri: str, *changes: Mapping[str, Any], version: int | None = None) -> None:
        self._versions[uri] = self._versions.get(uri, 0) + 1 if version is None else version
        self.notify("textDocument/didChange", {
            "textDocument": {"uri": uri, "version": self._versions[uri]}, "contentChanges": list(changes)})

    def complete(self, uri: str, line: int, character: int, trigger: int = 2, **context: Any) -> int:
        """Sends an inline completion request and returns its id."""
        return self.request("textDocument/inlineCompletion", {
            "textDocument": {"uri": uri}, "position": {"line": line, "character": character},
            "context": {"triggerKind": trigger, **context}})

    def state(self, uri: str) -> Any:
        return self.ask("kvlsp/documentState", {"uri": uri})

    # --- threads ---

    def _read(self) -> None:
        while (message := self._next()) is not None:
            with self._news:
                self.received.append(message)
                self._news.notify_all()
            if "method" in message and "id" in message:
                reply = self.replies.get(message["method"])
                self.send({"jsonrpc": "2.0", "id": message["id"], "result": reply})
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _next(self) -> dict[str, Any] | None:
        length = None
        while True:
            line = self.incoming.readline()
            if not line:
                return None
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
            elif not line.strip() and length is not None:
                body = self.incoming.read(length)
                return json.loads(body) if len(body) == length else None

    def _write(self) -> None:
        try:
            while (data := self._outbox.get()) is not None:
                self.outgoing.write(data)
                self.outgoing.flush()
        except (BrokenPipeError, ValueError):
            return
        self.outgoing.close()


def edit(line: int, start: int, end: int, text: str, end_line: int | None = None) -> dict[str, Any]:
    """One incremental change within a line, or from ``line`` to ``end_line``."""
    return {"range": {"start": {"line": line, "character": start},
                      "end": {"line": line if end_line is None else end_line, "character": end}},
            "text": text}


def summary(message: Mapping[str, Any]) -> str:
    failed = " error" if "error" in message else ""
    return f"{message.get('method', 'answer')}#{message.get('id', '')}{failed}"


def python_module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]
