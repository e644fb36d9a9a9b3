"""A crowd that types recorded sessions at a team's engine: each a daemon's side of it, without the daemon's process."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from kvlsp.address import Address
from kvlsp.config import Settings
from kvlsp.laboratory.evaluation.trace import Trace, play, read_trace
from kvlsp.messages import (
    Complete,
    Completed,
    DescribeDocument,
    DocumentDescribed,
    EditDocument,
    Event,
    OpenDocument,
    StatusChanged,
)
from kvlsp.remote.engine import RemoteEngine
from kvlsp.remote.link import Link
from kvlsp.remote.team import OfTheTeam
from kvlsp.text.document import Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope

LANGUAGE = "python"
"""What the default model has learned: in another language it offers nothing by itself. The recordings are of others."""
TRACES = Path(__file__).parents[4] / "shared" / "data" / "traces"


class Way(OfTheTeam):
    """Notes which replica it leads to."""

    def __init__(self, address: Address, token: str) -> None:
        super().__init__(address, lambda _: token)
        self.processes: list[int] = []
        self._last: Link | None = None

    def link(self, settings: Settings, given_up: threading.Event, clock: Callable[[], float]) -> Link:
        self._last = super().link(settings, given_up, clock)
        self.processes.append(self._last.process)
        return self._last

    def cut(self) -> None:
        """The network fails."""
        if self._last is not None:
            self._last.hang_up()


class Front:
    """One document, typed as it was recorded, with a marker of its own in it."""

    def __init__(self, number: int, url: str, token: str, text: Rope, steps: list[tuple[Edit, ...]]) -> None:
        self.number, self.marker = number, f"mark{hashlib.sha256(str(number).encode()).hexdigest()[:12]}"
        self.way = Way(Address.read(url), token)
        self.events: list[tuple[float, Event]] = []
        self._news = threading.Condition()
        self._steps, self._tickets = iter(steps), count(1)
        head = f"# {self.marker}\n"
        self._shift = len(head)
        self.snapshot = Snapshot(f"file:///{number}.ts", 1, text.replace(Edit(0, 0, head)),
                                 LANGUAGE)
        self._caret = len(self.snapshot.text)
        self.asked: dict[int, float] = {}
        self.latencies: list[tuple[float, bool]] = []
        self.engine = RemoteEngine(Settings(confidence=0.0), self._note, way=self.way)

    def start(self) -> None:
        self.engine.start()
        self.engine.post(OpenDocument(self.snapshot))

    def type(self) -> bool:
        """The next recorded change; False when there is none."""
        step = next(self._steps, None)
        if step is None:
            return False
        moved = tuple(Edit(edit.start + self._shift, edit.end + self._shift, edit.text) for edit in step)
        changes = play(self.snapshot.text, moved)
        before = self.snapshot.version
        self.snapshot = Snapshot(self.snapshot.uri, before + 1, changes[-1].after, self.snapshot.language)
        self._caret = moved[-1].start + len(moved[-1].text)
        self.engine.post(EditDocument(self.snapshot.uri, before, changes, self.snapshot))
        return True

    def ask(self) -> int:
        ticket = next(self._tickets)
        self.asked[ticket] = time.monotonic()
        self.engine.post(Complete(ticket, self.snapshot.uri, self.snapshot.version, self._caret, "automatic",
                                  self.asked[ticket]))
        return ticket

    def suggested(self, patience: float) -> float:
        """Seconds until the replica answers as one that knows the text, asked again and again; infinite: not at all."""
        begun = time.monotonic()
        while (now := time.monotonic()) - begun < patience:
            ticket = self.ask()
            answer = self.wait(lambda event, t=ticket: isinstance(event, Completed) and event.ticket == t, 30)  # type: ignore[misc]
            if answer is not None and str(answer.reason) not in ("not_ready", "unknown_document", "stale_version"):
                return time.monotonic() - begun
            time.sleep(0.05 if now - begun < 5 else 0.5)
        return float("inf")

    def same_text(self) -> bool:
        """Whether the engine has the text that is here."""
        ticket = next(self._tickets)
        self.engine.post(DescribeDocument(ticket, self.snapshot.uri))
        told: Any = self.wait(lambda event: isinstance(event, DocumentDescribed) and event.ticket == ticket, 30)
        return bool(told and told.description and told.description["sha256"]
                    == hashlib.sha256(str(self.snapshot.text).encode()).hexdigest())

    def wait(self, fits: Callable[[Event], bool], timeout: float) -> Any:
        with self._news:
            found: list[Event] = []

            def look() -> bool:
                found[:] = [event for _, event in reversed(self.events) if fits(event)][:1]
                return bool(found)

            self._news.wait_for(look, timeout)
            return found[0] if found else None

    @property
    def errors(self) -> list[str]:
        return [event.message for _, event in self.events if isinstance(event, StatusChanged) and event.kind == "error"]

    @property
    def reasons(self) -> Counter[str]:
        """Of all answers; "" of those that offer something."""
        return Counter(str(event.reason or "") for _, event in self.events if isinstance(event, Completed))

    @property
    def offered(self) -> str:
        return "\n".join(item.text for _, event in self.events if isinstance(event, Completed) for item in event.items)

    def _note(self, event: Event) -> None:
        now = time.monotonic()
        with self._news:
            self.events.append((now, event))
            if isinstance(event, Completed) and (asked := self.asked.pop(event.ticket, None)) is not None:
                self.latencies.append((now - asked, bool(event.items)))
            self._news.notify_all()


def crowd(number: int, url: str, token: str, *, steps: int = 2000, characters: int = 4000) -> list[Front]:
    """So many who begin at different places of the recorded sessions, in texts of about ``characters``."""
    traces = [read_trace(path) for path in sorted(TRACES.glob("*.json.gz"))]
    fronts = []
    for each in range(number):
        trace = traces[each % len(traces)]
        text, begin = _begun(trace, characters + 97 * each)
        fronts.append(Front(each, url, token, text, list(trace.transactions[begin:begin + steps])))
    return fronts


def _begun(trace: Trace, characters: int) -> tuple[Rope, int]:
    """The text when it first had so many characters, and how many changes that took."""
    text = Rope.of(trace.start)
    for done, transaction in enumerate(trace.transactions):
        if len(text) >= characters:
            return text, done
        for edit in transaction:
            text = text.replace(edit)
    return text, len(trace.transactions)
