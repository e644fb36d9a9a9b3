"""Whatever happens, in whatever order: each request is answered exactly once, and counted once."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kvlsp.messages import Complete, Completed, Item, Reason
from tests.support.conversation import Conversation

URIS = ("u:a", "u:b")
uris = st.sampled_from(URIS)


class Requests(RuleBasedStateMachine):
    """Requests, and everything that may answer them."""

    def __init__(self) -> None:
        super().__init__()
        self.talk = Conversation(hold=True)
        self.talk.start()
        self.asked: list[int] = []
        self.completions = 0
        self.versions = dict.fromkeys(URIS, 0)
        self.over = False

    @rule(uri=uris)
    def open(self, uri: str) -> None:
        self.versions[uri] += 1
        self.talk.open(uri, "some text", self.versions[uri])

    @rule(uri=uris, forward=st.booleans())
    def change(self, uri: str, forward: bool) -> None:
        self.versions[uri] += 1 if forward else -1
        self.talk.change(
            uri,
            self.versions[uri],
            {
                "range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}},
                "text": "x",
            },
        )

    @rule(uri=uris)
    def close(self, uri: str) -> None:
        self.talk.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    @rule(uri=uris, trigger=st.sampled_from((1, 2)))
    def complete(self, uri: str, trigger: int) -> None:
        self.completions += not self.over
        self.asked.append(self.talk.complete(uri, 0, 3, trigger))

    @rule(uri=uris)
    def describe(self, uri: str) -> None:
        self.asked.append(self.talk.request("kvlsp/documentState", {"uri": uri}))

    @rule()
    def ask_nonsense(self) -> None:
        self.asked.append(self.talk.request("textDocument/inlineCompletion", {"position": 1}))

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.talk.notify("$/cancelRequest", {"id": data.draw(st.sampled_from(self.asked))})

    @rule()
    def engine_answers(self) -> None:
        self.talk.engine.release()

    @rule(data=st.data(), empty=st.booleans())
    def engine_answers_any_ticket_again(self, data: st.DataObject, empty: bool) -> None:
        tickets = [m.ticket for m in self.talk.engine.messages if isinstance(m, Complete)]
        ticket = data.draw(st.sampled_from([*tickets, 10_000]))
        items = () if empty else (Item(0, 0, "x", 1),)
        self.talk.server.on_event(Completed(ticket, items, Reason.DEADLINE if empty else None, {}))

    @rule()
    def loop_runs(self) -> None:
        self.talk.loop.run()

    @rule(seconds=st.sampled_from((0.5, 11.0, 61.0)))
    def time_passes(self, seconds: float) -> None:
        self.talk.loop.advance(seconds)

    @rule()
    def shut_down(self) -> None:
        self.asked.append(self.talk.request("shutdown"))
        self.over = True

    @invariant()
    def nobody_got_two_answers(self) -> None:
        assert all(len(self.talk.answers(number)) <= 1 for number in self.asked)

    def teardown(self) -> None:
        self.talk.loop.advance(100.0)
        assert [len(self.talk.answers(number)) for number in self.asked] == [1] * len(self.asked)
        tickets = self.talk.server.tickets
        assert len(tickets) == 0
        assert tickets.offered + sum(tickets.empty.values()) == self.completions


Requests.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestRequests = Requests.TestCase
