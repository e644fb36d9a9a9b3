"""A language server that answers at once, without a model: the editor's own share of a latency, and exact scenarios.

    python fixed_server.py ANSWER... [--count] [--delay SECONDS] [--late SECONDS [--times COUNT]]
        [--more SECONDS] [--problem TEXT] [--log FILE] [--stdio]

Offers the given texts wherever it is asked; where the text before the caret ends with the beginning of one, it
offers the rest of it, so that typing through a suggestion works as it does with a model. ``--count`` appends the
number of the request, so that every answer is a new one. With ``--late`` the first answer at a place is empty, as
kvlsp's is at its deadline, and what it says to that follows; with ``--times`` so many are. With ``--more`` it is the
first line alone, with the word that there is more, and the next one takes so long. ``--problem`` is in every status. It
keeps the documents by itself (no code of kvlsp), so that what an editor really sent can be compared with its buffer.
Single-threaded but for delayed answers.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

LINE_END = re.compile("\r\n|\r|\n")


class Text:
    """A document in UTF-16 units: Python strings whose astral characters are split into surrogates."""

    def __init__(self, text: str, version: int) -> None:
        self.units = _units(text)
        self.version = version

    def offset(self, position: dict[str, int]) -> int:
        starts = [0, *(match.end() for match in LINE_END.finditer(self.units))]
        if position["line"] >= len(starts):
            return len(self.units)
        start = starts[position["line"]]
        end = LINE_END.search(self.units, start)
        return min(start + position["character"], end.start() if end else len(self.units))

    def change(self, changes: list[dict[str, Any]], version: int) -> None:
        for change in changes:
            if "range" in change:
                start, end = self.offset(change["range"]["start"]), self.offset(change["range"]["end"])
                self.units = self.units[:start] + _units(change["text"]) + self.units[end:]
            else:
                self.units = _units(change["text"])
        self.version = version

    def text(self) -> str:
        return self.units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _units(text: str) -> str:
    data = text.encode("utf-16-le", "surrogatepass")
    return "".join(chr(int.from_bytes(data[at:at + 2], "little")) for at in range(0, len(data), 2))


class FixedServer:
    def __init__(self, options: argparse.Namespace, source: BinaryIO, sink: BinaryIO) -> None:
        self.answers: list[str] = options.answers
        self.count, self.delay, self.late, self.more = options.count, options.delay, options.late, options.more
        self.problems = [options.problem] if options.problem else []
        self.missed: list[Any] = []
        self.times: int = options.times
        self.log = Path(options.log).open("a", encoding="utf-8") if options.log else None  # noqa: SIM115
        self.source, self.sink, self.lock = source, sink, threading.Lock()
        self.documents: dict[str, Text] = {}
        self.requests, self.settings = 0, {"enable": True}

    def run(self) -> None:
        while (message := self._read()) is not None:
            method, params = message.get("method"), message.get("params") or {}
            self._note(method, params)
            if method == "exit":
                return
            if "id" in message and method is not None:
                self._request(message["id"], method, params)
            elif method is not None:
                self._notification(method, params)

    def _request(self, request: Any, method: str, params: dict[str, Any]) -> None:
        if method == "initialize":
            self.settings.update(params.get("initializationOptions") or {})
            self._answer(request, {"capabilities": {
                "textDocumentSync": {"openClose": True, "change": 2}, "inlineCompletionProvider": {},
                "executeCommandProvider": {"commands": ["kvlsp.accepted", "kvlsp.rejected"]}}})
            self._status("ready", None)
        elif method == "textDocument/inlineCompletion":
            items = self._items(params)
            if self.late and items and self.missed.count(params["position"]) < self.times:
                self.missed.append(params["position"])
                self._answer(request, [])
                self._status("computing", "deadline")
                threading.Timer(self.late, self._status, ("ready", "deadline")).start()
            elif self.more and items and params["position"] not in self.missed:
                self.missed.append(params["position"])
                first = [{**item, "insertText": item["insertText"].partition("\n")[0]} for item in items]
                self._answer(request, first)
                self._status("ready", None, more=True)
            elif delay := self.more or self.delay:
                threading.Timer(delay, self._answer, (request, items)).start()
            else:
                self._answer(request, items)
        elif method == "kvlsp/documentState":
            document = self.documents.get(params.get("uri", ""))
            text = document and document.text()
            self._answer(request, document and {
                "version": document.version, "characters": len(text or ""),
                "sha256": hashlib.sha256((text or "").encode("utf-8", "surrogatepass")).hexdigest()})
        elif method == "kvlsp/statistics":
            self._answer(request, {"requests": self.requests})
        else:
            self._answer(request, None)

    def _notification(self, method: str, params: dict[str, Any]) -> None:
        document = params.get("textDocument", {})
        if method == "textDocument/didOpen":
            self.documents[document["uri"]] = Text(document["text"], document["version"])
        elif method == "textDocument/didChange":
            self.documents[document["uri"]].change(params["contentChanges"], document["version"])
        elif method == "textDocument/didClose":
            self.documents.pop(document["uri"], None)
        elif method == "workspace/didChangeConfiguration":
            settings = params.get("settings") or {}
            self.settings.update(settings.get("kvlsp", settings))

    def _items(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        uri, position = params["textDocument"]["uri"], params["position"]
        if not self.settings["enable"] or uri not in self.documents:
            return []
        self.requests += 1
        document = self.documents[uri]
        selected = params["context"].get("selectedCompletionInfo")
        if selected:  # the editor shows only what goes on from the entry of its open list
            return [{"insertText": selected["text"] + self.answers[0], "range": selected["range"]}]
        before = document.units[:document.offset(position)]
        items = []
        for number, answer in enumerate(self.answers):
            text = answer + str(self.requests) if self.count else answer
            typed = next((size for size in range(len(text) - 1, 0, -1) if before.endswith(text[:size])), 0)
            items.append({"insertText": text[typed:], "range": {"start": position, "end": position},
                          "command": {"title": "", "command": "kvlsp.accepted", "arguments": [uri, number]}})
        return items

    def _note(self, method: str | None, params: Any) -> None:
        if self.log and method is not None:
            self.log.write(json.dumps({"time": time.time(), "method": method, "params": params}) + "\n")
            self.log.flush()

    def _answer(self, request: Any, result: Any) -> None:
        self._send({"id": request, "result": result})

    def _status(self, kind: str, reason: str | None, *, more: bool = False) -> None:
        last = {"items": 0, "reason": reason, "report": {"more": True} if more else {}} if reason or more else None
        self._send({"method": "kvlsp/status", "params": {
            "kind": kind, "message": "fixed answers", "percent": None, "detail": {}, "last": last,
            "problems": self.problems}})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        with self.lock:
            self.sink.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            self.sink.flush()

    def _read(self) -> dict[str, Any] | None:
        length = 0
        while line := self.source.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return json.loads(self.source.read(length)) if length else None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("answers", nargs="+")
    parser.add_argument("--count", action="store_true")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--late", type=float, default=0.0)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--more", type=float, default=0.0)
    parser.add_argument("--problem")
    parser.add_argument("--log")
    parser.add_argument("--stdio", action="store_true", help="ignored: clients append it")
    FixedServer(parser.parse_args(), sys.stdin.buffer, sys.stdout.buffer).run()
