"""A typing burst: after how many keys does a ghost text stand, and what does that cost?

    python -m tests.e2e.burst [--editor headless|neovim|vscode]... [--command "kvlsp"]... [--delays 50,200]
                              [--unread] [--threads 0] [--repeats 1] [--json]

The real daemon under a real editor, or under a client that behaves as one: after each key it waits for ``delay``
milliseconds and asks at the caret. The keys come 120 ms apart, in a file of some 4,000 tokens that the model has read:
first 40 that agree with what the model writes there, behind a beginning that was accepted, then 80 that do not (code
from elsewhere).

Counted are the keys after which a ghost text stood within 150 ms; suggestions, which are ghost texts that are not the
rest of the one before; the model's forwards, and those for each suggestion; generated tokens as the daemon reports
them; and processor seconds of the daemon, which count all that it did. With several commands they are measured in turn,
so that a machine's moods meet all of them; the editor's side is always this checkout's.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shlex
import statistics
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.support.repetitive import functions
from tests.e2e.support.typists import GAP, Headless, InNeovim, InVSCode, Key, Typist, counted, start
from tests.support.lsp_client import edit

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
class Burst:
    """What came of the keys of one kind."""

    keys: int = 0
    shown: int = 0
    suggestions: int = 0
    gap: float = 0.0
    """Seconds between two keys, as they came: a slow machine does not press them in time."""

    @classmethod
    def of(cls, keys: Sequence[Key]) -> Burst:
        found, standing = cls(keys=len(keys)), ""
        for key in keys:
            standing = standing[1:] if standing[:1] == key.character else ""
            for _, ghost in key.drawn:
                found.suggestions += bool(ghost) and ghost != standing
                standing = ghost
            found.shown += any(ghost and at < key.at + SOON for at, ghost in key.drawn)
        found.gap = statistics.median(after.at - before.at for before, after in itertools.pairwise(keys))
        return found

    def as_json(self) -> dict[str, Any]:
        return {"keys": self.keys, "gap_ms": round(1000 * self.gap), "shown": self.shown,
                "share": round(self.shown / self.keys, 3), "suggestions": self.suggestions}


def opened(typist: Typist) -> None:
    """The model has read all of the file, and its cache is exact."""
    end = time.monotonic() + READING
    while time.monotonic() < end:
        state = typist.ask("kvlsp/documentState", {"uri": typist.uri})
        if state["cachedTokens"] >= state["tokens"] > 0 == state["staleTokens"]:
            return
        time.sleep(0.2)
    raise TimeoutError("The model has not read the file.")


def written(command: Sequence[str], settings: dict[str, Any], text: str, length: int) -> tuple[str, str]:
    """What the model writes behind ``text``: a beginning to accept, and ``length`` characters that go on from there."""
    client = start(command, {**settings, "invokedDeadlineMs": 60_000, "candidates": 1})
    try:
        uri, said, beginning = "file:///plan.py", "", 0
        client.open(uri, text)
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


class Spent:
    """What the daemon has spent since this was made."""

    def __init__(self, typist: Typist, forwards: Path) -> None:
        self._typist, self._forwards = typist, forwards
        self._before = self._now()

    def _now(self) -> dict[str, float]:
        rows = (self._typist.ask("kvlsp/statistics", {}) or {}).get("rows", {})
        kinds = [line.rsplit(" ", 1)[1] for line in self._forwards.read_text().splitlines()]
        return {"generated": rows.get("generated", 0),
                "forwards_suggestion": kinds.count("suggestion"), "forwards_document": kinds.count("document"),
                "processor_s": processor_seconds(self._typist.process_id)}

    def so_far(self) -> dict[str, float]:
        now = self._now()
        return {kind: round(now[kind] - value, 2) for kind, value in self._before.items()}


def run(typist: Typist, forwards: Path, beginning: str, agreeing: str, *, unread: bool) -> dict[str, Any]:
    found = {}
    if not unread:
        opened(typist)
    typist.insert(beginning)
    time.sleep(GAP)
    line = (BEGUN + beginning).rpartition("\n")[2]
    for name, keys in (("agreeing", agreeing), ("disagreeing", ELSEWHERE[:DISAGREEING])):
        spent = Spent(typist, forwards)
        figures = {**Burst.of(typist.type(line, keys)).as_json(), **spent.so_far()}
        all_of_them = figures["forwards_suggestion"] + figures["forwards_document"]
        figures["forwards_each"] = round(all_of_them / figures["suggestions"], 1) if figures["suggestions"] else None
        found[name] = figures
        typist.insert("\n")
        time.sleep(1.0)
        line = ""
    return found


def document() -> str:
    """A real file of some 4,000 tokens, and a function begun below it."""
    return Path(textwrap.__file__).read_text(encoding="utf-8") + "\n\n" + functions(FUNCTIONS) + BEGUN


def typist(editor: str, command: Sequence[str], settings: dict[str, Any], text: str, delay: float,
           root: Path) -> Typist:
    if editor == "neovim":
        return InNeovim(command, settings, text, root)
    if editor == "vscode":
        return InVSCode(command, settings, text, root)
    return Headless(command, settings, text, delay)


def measure(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    text = document()
    settings = {"threads": options.threads, "confidence": 0.0}
    commands = [shlex.split(command) for command in options.command or [f"{sys.executable} -m kvlsp"]]
    plans = [written(command, settings, text, AGREEING) for command in commands]
    for editor, number in itertools.product(options.editor or ["headless"], range(options.repeats)):
        for delay in options.delays if editor == "headless" else [0]:
            for command, plan in zip(commands, plans, strict=True):
                with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                    root = Path(folder)
                    forwards = root / "forwards"
                    forwards.touch()
                    editing = typist(editor, counted(command, forwards), settings, text, delay / 1000, root)
                    try:
                        found = run(editing, forwards, *plan, unread=options.unread)
                    finally:
                        editing.close()
                for kind, figures in found.items():
                    yield {"editor": editor, "command": shlex.join(command), "run": number + 1, "keys are": kind,
                           **({"delay_ms": delay} if editor == "headless" else {}), **figures}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--editor", action="append", choices=("headless", "neovim", "vscode"),
                        help="repeatable (default: headless)")
    parser.add_argument("--command", action="append", help="that runs kvlsp (default: this checkout's); repeatable")
    parser.add_argument("--delays", type=lambda given: [int(part) for part in given.split(",")], default=[50, 200],
                        help="milliseconds after which the headless editor asks")
    parser.add_argument("--unread", action="store_true", help="type at once, before the model has read the file")
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
