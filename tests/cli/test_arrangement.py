"""Where the engine is: as the setting says, elsewhere once that changes, in the daemon where none can be shared."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kvlsp.cli.arrangement import Arranged
from kvlsp.config import Settings
from kvlsp.errors import EngineUnreachable
from kvlsp.messages import (
    CloseDocument,
    Complete,
    Completed,
    Configure,
    DescribeEngine,
    EditDocument,
    EngineDescribed,
    Event,
    OpenDocument,
    StatusChanged,
)
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from tests.support.fake_engine import FakeEngine

TIMEOUT = 30.0
URI, OTHER = "file:///a.py", "file:///b.py"


class FakeShared(FakeEngine):
    """One that is elsewhere."""

    def __init__(self, settings: Settings, events: Callable[[Event], None],
                 given_up: Callable[[str], None]) -> None:
        super().__init__(settings, events)
        self.process, self.given_up = 4711, given_up
        self.returns: bool | None = None

    def stop(self, timeout: float = 2.0, *, returns: bool = True) -> None:
        self.returns = returns
        super().stop()


class House:
    def __init__(self, wish: str, *, possible: bool = True) -> None:
        self.made: list[FakeEngine] = []
        self.told: list[Event] = []
        self.possible = possible
        self.engine = Arranged(Settings(engine=wish), self.told.append, self._make(FakeShared), self._make(FakeEngine),
                               self._can_share)
        self.engine.start()

    def _make(self, kind: Callable[..., FakeEngine]) -> Callable[..., FakeEngine]:
        def make(*arguments: object) -> FakeEngine:
            self.made.append(kind(*arguments))
            return self.made[-1]

        return make

    def _can_share(self) -> None:
        if not self.possible:
            raise EngineUnreachable("there are no sockets here")

    @property
    def shared(self) -> list[bool]:
        """Of every engine that there was, whether it was a shared one."""
        return [isinstance(engine, FakeShared) for engine in self.made]

    def open(self) -> None:
        before = Rope.of("x")
        after = before.replace(Edit(1, 1, "y"))
        for uri in (URI, OTHER):
            self.engine.post(OpenDocument(Snapshot(uri, 1, before, "python")))
        change = Change(Edit(1, 1, "y"), after)
        self.engine.post(EditDocument(URI, 1, (change,), Snapshot(URI, 2, after, "python")))
        self.engine.post(CloseDocument(OTHER))

    def texts(self) -> dict[str, str]:
        return {uri: str(snapshot.text) for uri, snapshot in self.made[-1].documents.items()}


@pytest.mark.parametrize(("wish", "possible", "shared"), [
    ("auto", True, True), ("auto", False, False), ("shared", True, True), ("shared", False, False),
    ("own", True, False)])
def test_the_setting_says_where_and_who_cannot_share_has_an_engine_of_its_own(wish, possible, shared, caplog):
    house = House(wish, possible=possible)
    assert house.shared == [shared]
    assert ("there are no sockets here" in caplog.text) is (wish == "shared" and not possible)


@pytest.mark.parametrize(("one", "other"), [("auto", "own"), ("own", "shared")])
def test_another_wish_is_another_engine_that_knows_all_that_is_open(one, other):
    house = House(one)
    house.open()
    house.engine.post(Configure(Settings(engine=other, max_lines=3)))
    assert house.shared == [other == "own", other == "shared"]
    assert house.made[1].settings.max_lines == 3
    assert house.made[1].started
    assert house.texts() == {URI: "xy"}
    assert house.made[0].stopped.wait(TIMEOUT)
    assert getattr(house.made[0], "returns", False) is False, "nobody waits for it"
    house.engine.post(Complete(1, URI, 2, 0, "invoked", 0.0))
    assert [event.ticket for event in house.told if isinstance(event, Completed)] == [1]


def test_other_settings_are_the_engines_own():
    house = House("auto")
    house.engine.post(Configure(Settings(engine="shared", max_lines=3)))
    assert house.shared == [True]
    assert isinstance(house.made[0].messages[-1], Configure)


def test_where_none_can_be_reached_the_daemon_has_its_own_from_then_on():
    house = House("auto")
    house.open()
    house.made[0].given_up("nobody listens")
    assert house.shared == [True, False]
    assert house.texts() == {URI: "xy"}
    house.engine.post(Configure(Settings(max_lines=3)))
    assert house.shared == [True, False]
    house.made[0].given_up("nobody listens")
    assert house.shared == [True, False], "it is not heard any more"


def test_who_insists_on_sharing_is_not_given_another():
    house = House("shared")
    house.made[0].given_up("nobody listens")
    assert house.shared == [True]


@pytest.mark.parametrize("wish", ["auto", "own"])
def test_an_address_that_comes_late_moves_nothing(wish):
    house = House(wish)
    house.engine.post(Configure(Settings(engine="wss://engine.example/")))
    assert house.shared == [wish == "auto"]


def test_after_the_end_nothing_begins():
    house = House("auto")
    house.engine.stop()
    house.made[0].given_up("nobody listens")
    assert house.shared == [True]


def test_status_and_statistics_say_where_it_is():
    house = House("auto")
    assert house.told[-1] == StatusChanged("ready", "ready", detail={"engine": "shared, process 4711"})
    house.made[0].process = 0
    house.engine.post(DescribeEngine(1))
    house.engine.post(Configure(Settings(engine="own")))
    house.engine.post(DescribeEngine(2))
    assert house.told[-2] == StatusChanged("ready", "ready", detail={"engine": "in this editor's daemon"})
    assert [event.statistics["engine"] for event in house.told if isinstance(event, EngineDescribed)] == [
        "shared", "in this editor's daemon"]


def test_how_one_is_that_was_left_is_not_told():
    house = House("auto")
    house.engine.post(Configure(Settings(engine="own")))
    house.made[0].events(StatusChanged("error", "it hangs"))
    assert house.told[-1].kind == "ready"
