from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from kvlsp.address import Address
from kvlsp.config import Settings
from kvlsp.engine.engine import Engine
from kvlsp.host.model import SharedModel
from kvlsp.host.thread import Prepared
from kvlsp.messages import CancelToken, Complete, Completed, EditDocument, OpenDocument, StatusChanged
from kvlsp.remote.engine import RemoteEngine
from kvlsp.remote.team import OfTheTeam
from kvlsp.team import tokens as files
from kvlsp.team.replica import Replica
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from tests.support.asgi import listening
from tests.support.clock import ManualClock
from tests.support.served import Front
from tests.support.writing import writing_model

SETTINGS = Settings(max_tokens=20, multi_line="never", drafts=False, confidence=0.0, idle_ms=60_000)
TOKEN = "kvlsp-a-token-of-ada"


class Counted:
    """Metrics that a test looks at."""

    def __init__(self) -> None:
        self.connected: list[int] = []
        self.answers = self.beyond = 0

    def sessions(self, count: int) -> None:
        self.connected.append(count)

    def answered(self, seconds: float, offered: bool) -> None:
        self.answers += 1

    def limited(self) -> None:
        self.beyond += 1


class Typist(Front):
    """A daemon with one document, at a team's engine."""

    def __init__(self, url: str, token: str = "", settings: Settings = SETTINGS) -> None:
        way = OfTheTeam(Address.read(url), lambda _: token)
        super().__init__(lambda chosen, events: RemoteEngine(chosen, events, way=way), settings)
        self.tickets = count(1)
        self.uri = f"file:///{id(self)}.txt"
        self.snapshot = Snapshot(self.uri, 1, Rope.of("alpha = beta\n"), "")

    def open(self, text: str = "alpha = beta\n") -> None:
        self.snapshot = Snapshot(self.uri, 1, Rope.of(text), "")
        self.post(OpenDocument(self.snapshot))

    def type(self, text: str) -> None:
        before = self.snapshot
        edit = Edit(len(before.text), len(before.text), text)
        self.snapshot = Snapshot(self.uri, before.version + 1, before.text.replace(edit), "")
        self.post(EditDocument(self.uri, before.version, (Change(edit, self.snapshot.text),), self.snapshot))

    def ask(self) -> Completed:
        ticket = next(self.tickets)
        self.post(Complete(ticket, self.uri, self.snapshot.version, len(self.snapshot.text), "invoked",
                           time.monotonic(), cancel=CancelToken()))
        return self.wait(lambda event: isinstance(event, Completed) and event.ticket == ticket)

    def status(self, kind: str, after: int = 0) -> str:
        return self.wait(lambda event: isinstance(event, StatusChanged) and event.kind == kind, after).message


class Team:
    """A replica around a tiny model, and those who type at it."""

    def __init__(self, replica: Replica, url: str, loop: Any, counted: Counted, clock: ManualClock) -> None:
        self.replica, self.url, self.loop, self.counted, self.clock = replica, url, loop, counted, clock
        self.typists: list[Typist] = []

    def join(self, token: str = "", settings: Settings = SETTINGS) -> Typist:
        self.typists.append(Typist(self.url, token, settings))
        return self.typists[-1]


def prepared() -> Prepared:
    def load(*_: Any) -> Any:
        return writing_model(1, b"abcdefghijklmnopqrstuvwxyz_(), =.0123456789", line=25)

    return Prepared(Engine, SharedModel(load), lambda: None)


@contextmanager
def team(tokens: files.Tokens | None = None, look: float = 30.0,
         prepare: Callable[[], Prepared] = prepared) -> Iterator[Team]:
    counted, clock = Counted(), ManualClock()
    replica = Replica(Settings(), tokens, prepare, counted, clock, look)
    with listening(replica) as (url, loop):
        made = Team(replica, url, loop, counted, clock)
        try:
            yield made
        finally:
            for typist in made.typists:
                typist.engine.stop()
            replica.end()


@pytest.fixture
def granted(tmp_path: Path) -> Path:
    """A file with the token of Ada."""
    path = tmp_path / "tokens.json"
    files.write(path, [files.Grant("ada", files.digest(TOKEN), datetime.date(2999, 1, 1))])
    return path
