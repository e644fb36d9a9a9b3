"""A typing burst: after how many keys does a ghost text stand, and what does that cost?

    python -m tests.e2e.burst [--command "kvlsp"]... [--delays 50,200] [--threads 0] [--repeats 1] [--json]

The real daemon, over standard input and output, with a client that behaves as an editor does: after each key it waits
for ``delay`` milliseconds and asks at the caret, cancelling what it asked before. A ghost text that agrees with what is
typed stays, shortened; an answer that comes late is shown as far as it still agrees. The keys come 120 ms apart, in a
file of some 4,000 tokens that the model has read: first 40 that agree with what the model writes there, behind a
beginning that was accepted, then 80 that do not (code from elsewhere).

Counted are the keys after which a ghost text stood within 150 ms, forwards and generated tokens as the answers report
them (``kvlsp/statistics``), and processor seconds of the daemon, which count all that it did. With several commands
they are measured in turn, so that a machine's moods meet all of them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shlex
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.support.repetitive import functions
from tests.support.lsp_client import LspClient, edit

GAP = 0.12
"""Seconds between two keys."""
SOON = 0.15
"""Seconds after a key in which a ghost text has to stand."""
AGREEING, DISAGREEING = 40, 80
READING = 300.0
"""Seconds in which the model must have read the file."""

FUNCTIONS = 6
"""Alike, at the end of the file: a seventh is begun, of which any model knows how it goes on."""
BEGUN = "def add_row_7(table"
ELSEWHERE = "queue = deque(maxlen=17); heap = [(0, root)]; parity ^= 3 << bits; del cells[7:]; raise Oops(x)"


@dataclass
class Ghost:
    """What an editor shows. ``typed`` is the text of the caret's line."""

    text: str = ""
    since: float = 0.0

    def key(self, character: str, now: float) -> None:
        agrees = self.text.startswith(character) and len(self.text) > 1
        self.text, self.since = (self.text[1:], now) if agrees else ("", now)

    def answered(self, text: str, now: float) -> None:
        if bool(text) != bool(self.text):
            self.since = now
        self.text = text


@dataclass
class Burst:
    """What came of the keys of one kind."""

    keys: int = 0
    shown: int = 0
    requests: int = 0
    answered: int = 0
    waits: list[float] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        waits = sorted(self.waits)
        return {"keys": self.keys, "shown": self.shown, "share": round(self.shown / self.keys, 3),
                "requests": self.requests, "answered_with_text": self.answered,
                "p50_ms": round(1000 * waits[len(waits) // 2], 1) if waits else None}


class Editor:
    """Types at the end of the document and shows what the daemon says, as its own clock runs."""

    def __init__(self, client: LspClient, uri: str, text: str, delay: float) -> None:
        self.client, self.uri, self.delay = client, uri, delay
        self.line, self.column = text.count("\n"), len(text.rpartition("\n")[2])
        self.ghost = Ghost()
        self.typed = ""
        self.asked: dict[int, int] = {}
        """Requests that wait for their answer, and how much was typed when they were sent."""
        self.due: list[float] = []
        self.seen = 0

    def insert(self, text: str) -> None:
        self.client.change(self.uri, edit(self.line, self.column, self.column, text))
        self.line += text.count("\n")
        self.column = len(text.rpartition("\n")[2]) + (0 if "\n" in text else self.column)
        self.typed += text

    def burst(self, keys: str) -> Burst:
        found = Burst()
        start = time.monotonic()
        for number, character in enumerate(keys):
            at = start + number * GAP
            self.wait(at, found)
            now = time.monotonic()
            self.insert(character)
            self.ghost.key(character, now)
            self.due.append(now + self.delay)
            found.keys += 1
            shown = self.wait(min(now + SOON, at + GAP), found)
            found.shown += shown
            if shown:
                found.waits.append(max(0.0, self.ghost.since - now))
        self.wait(time.monotonic() + 1.0, found)
        return found

    def wait(self, until: float, found: Burst) -> bool:
        """Let time pass; whether a ghost text stood meanwhile."""
        shown = False
        while True:
            now = time.monotonic()
            if self.due and self.due[0] <= now:
                self.due.pop(0)
                for number in self.asked:
                    self.client.notify("$/cancelRequest", {"id": number})
                number = self.client.complete(self.uri, self.line, self.column)
                self.asked[number] = len(self.typed)
                found.requests += 1
            self.hear(found)
            shown = shown or bool(self.ghost.text)
            if now >= until:
                return shown
            time.sleep(0.002)

    def hear(self, found: Burst) -> None:
        """Answers that have come: shown as far as they agree with what was typed since they were asked for."""
        for number, typed in list(self.asked.items()):
            answers = self.client.answers_to(number)
            if not answers:
                continue
            del self.asked[number]
            items = answers[0].get("result") or []
            since = self.typed[typed:]
            texts = [item["insertText"][len(since):] for item in items if item["insertText"].startswith(since)]
            newest = not any(other > number for other in self.asked)
            if texts and texts[0]:
                found.answered += 1
                self.ghost.answered(texts[0], time.monotonic())
            elif newest and not since and "result" in answers[0]:
                self.ghost.answered("", time.monotonic())


def start(command: Sequence[str], options: argparse.Namespace, **settings: Any) -> LspClient:
    client = LspClient.spawn([*command, "serve"], stderr=subprocess.DEVNULL)
    client.initialize({"threads": options.threads, "confidence": 0.0, **settings})
    client.notification("kvlsp/status", lambda status: status["kind"] in ("ready", "error"))
    return client


def opened(client: LspClient, uri: str, text: str) -> None:
    """The document is open, and its cache exact."""
    client.open(uri, text)
    line, column = text.count("\n"), len(text.rpartition("\n")[2])
    client.answer_to(client.complete(uri, line, column - 3, 1))
    end = time.monotonic() + READING
    while time.monotonic() < end:
        state = client.state(uri)
        if state["cachedTokens"] >= state["tokens"] > 0 == state["staleTokens"]:
            return
        time.sleep(0.2)
    raise TimeoutError("The model has not read the file.")


def written(command: Sequence[str], options: argparse.Namespace, text: str, length: int) -> tuple[str, str]:
    """What the model writes behind ``text``: a beginning to accept, and ``length`` characters that go on from there."""
    client = start(command, options, invokedDeadlineMs=60_000, candidates=1)
    try:
        uri, said, beginning = "file:///plan.py", "", 0
        opened(client, uri, text)
        for _ in range(20):
            line, column = (text + said).count("\n"), len((text + said).rpartition("\n")[2])
            items = client.answer_to(client.complete(uri, line, column, 1))["result"]
            if not items:
                break
            client.change(uri, edit(line, column, column, items[0]["insertText"]))
            said += items[0]["insertText"]
            beginning = beginning or len(said.partition("\n")[0]) + 1
            if len(said) >= beginning + length:
                return said[:beginning], said[beginning : beginning + length]
        raise RuntimeError(f"The model writes no more than {len(said)} characters there.")
    finally:
        client.close()


def processor_seconds(process_id: int) -> float:
    """Of a process and the threads in it; NaN where there is no /proc."""
    try:
        fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Reports:
    """Sums of what the daemon has reported of its answers."""

    def __init__(self, client: LspClient) -> None:
        self._client = client
        assert client.process is not None
        self._process = client.process.pid
        self._before = self._now()

    def _now(self) -> dict[str, float]:
        rows = (self._client.ask("kvlsp/statistics", {}) or {}).get("rows", {})
        return {**{kind: rows.get(kind, 0) for kind in ("encoded", "generated")},
                "processor_s": processor_seconds(self._process)}

    def since(self) -> dict[str, float]:
        now = self._now()
        return {kind: round(now[kind] - value, 2) for kind, value in self._before.items()}


def run(command: Sequence[str], options: argparse.Namespace, text: str, beginning: str, agreeing: str,
        delay: float) -> dict[str, Any]:
    client = start(command, options)
    try:
        uri, found = "file:///burst.py", {}
        opened(client, uri, text)
        editor = Editor(client, uri, text, delay)
        editor.insert(beginning)
        time.sleep(GAP)
        for name, keys in (("agreeing", agreeing), ("disagreeing", ELSEWHERE[:DISAGREEING])):
            reports = Reports(client)
            found[name] = {**editor.burst(keys).as_json(), **reports.since()}
            editor.insert("\n")
        return found
    finally:
        client.close()


def document() -> str:
    """A real file of some 4,000 tokens, and a function begun below it."""
    return Path(textwrap.__file__).read_text(encoding="utf-8") + "\n\n" + functions(FUNCTIONS) + BEGUN


def measure(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    text = document()
    commands = [shlex.split(command) for command in options.command or [f"{sys.executable} -m kvlsp"]]
    plans = [written(command, options, text, AGREEING) for command in commands]
    for delay, number in itertools.product(options.delays, range(options.repeats)):
        for command, plan in zip(commands, plans, strict=True):
            found = run(command, options, text, *plan, delay / 1000)
            for kind, figures in found.items():
                yield {"command": shlex.join(command), "delay_ms": delay, "run": number + 1, "keys are": kind,
                       **figures}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", action="append", help="that runs kvlsp (default: this checkout's); repeatable")
    parser.add_argument("--delays", type=lambda given: [int(part) for part in given.split(",")], default=[50, 200])
    parser.add_argument("--threads", type=int, default=0, help="of a forward (0: one fewer than there are cores)")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    for row in measure(options):
        rows.append(row)
        print(json.dumps(row), file=sys.stderr, flush=True)
    if options.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
