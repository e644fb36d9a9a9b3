"""A team's engine is one like any other to who types; who may not use it reads why."""

from __future__ import annotations

import asyncio
import datetime
import json
import logging
from functools import partial

import pytest

from kvlsp.host import seat
from kvlsp.host.backlog import Backlog
from kvlsp.messages import ContextChunk, PlaceContext, Reason
from kvlsp.team import tokens as files
from kvlsp.team.tokens import Grant, Tokens
from kvlsp.wire.limits import LONGEST_VALUES
from tests.team.conftest import TOKEN, team


def test_it_completes():
    with team() as made:
        typist = made.join()
        typist.open()
        typist.status("ready")
        typist.type("gamma = ")
        assert typist.ask().items
        assert made.counted.answers == 1


@pytest.mark.parametrize(("token", "why"), [
    ("", "needs a token"),
    ("kvlsp-another", "does not know the token"),
    (TOKEN, "expired on 2020-01-01"),
])
def test_who_has_no_token_that_holds_reads_why(granted, token, why):
    [grant] = files.read(granted)
    files.write(granted, [Grant(grant.user, grant.sha256, datetime.date(2020, 1, 1))])
    with team(Tokens(granted)) as made:
        assert why in made.join(token).status("error")
        assert made.replica.sessions == 0


def test_one_editor_too_many_reads_why_and_the_others_go_on(granted):
    [grant] = files.read(granted)
    files.write(granted, [Grant("ada", grant.sha256, grant.expires, sessions=1)])
    with team(Tokens(granted)) as made:
        first = made.join(TOKEN)
        first.open()
        first.status("ready")
        assert "1 editors at this engine" in made.join(TOKEN).status("error")
        first.type("gamma = ")
        assert first.ask().items


def test_requests_beyond_the_limit_are_answered_and_explained_until_there_are_some_again(granted):
    [grant] = files.read(granted)
    files.write(granted, [Grant("ada", grant.sha256, grant.expires, requests_per_minute=2)])
    with team(Tokens(granted)) as made:
        typist = made.join(TOKEN)
        typist.open()
        typist.status("ready")
        for _ in range(2):
            typist.type("gamma = ")
            assert typist.ask().reason is not Reason.LIMIT
        assert typist.ask().reason is Reason.LIMIT
        assert "allows 2 suggestions a minute to ada" in typist.status("paused")
        after = len(typist.events)
        made.clock.pass_(31)
        typist.type("delta = ")
        assert typist.ask().reason is not Reason.LIMIT
        typist.status("ready", after)
        assert made.counted.beyond == 1


def test_whoever_asks_on_and_on_beyond_the_limit_is_listened_to_all_the_same(granted, monkeypatch):
    """What never reaches the engine is not what it has still to take."""
    monkeypatch.setattr(seat, "Backlog", partial(Backlog, messages=5))
    [grant] = files.read(granted)
    files.write(granted, [Grant("ada", grant.sha256, grant.expires, requests_per_minute=1)])
    with team(Tokens(granted)) as made:
        typist = made.join(TOKEN)
        typist.open()
        typist.status("ready")
        for number in range(20):
            assert (typist.ask().reason is Reason.LIMIT) == (number > 0)


def test_a_token_that_is_withdrawn_ends_what_it_began(granted):
    with team(Tokens(granted), look=0.01) as made:
        typist = made.join(TOKEN)
        typist.open()
        typist.status("ready")
        files.write(granted, [])
        assert "withdrawn" in typist.status("error")


def test_texts_beyond_the_limit_are_told(granted):
    [grant] = files.read(granted)
    files.write(granted, [Grant("ada", grant.sha256, grant.expires, characters=100)])
    with team(Tokens(granted)) as made:
        typist = made.join(TOKEN)
        typist.open("x" * 101)
        assert "more than 100 characters" in typist.status("error")


def test_a_frame_that_no_text_of_the_grant_could_fill_is_not_received(granted):
    [grant] = files.read(granted)
    files.write(granted, [Grant("ada", grant.sha256, grant.expires, characters=100)])
    with team(Tokens(granted)) as made:
        typist = made.join(TOKEN)
        typist.open("x" * (LONGEST_VALUES + 500))
        assert "a text is too long for this engine" in typist.status("error")


def test_pieces_of_other_files_count_as_texts(granted):
    [grant] = files.read(granted)
    files.write(granted, [Grant("ada", grant.sha256, grant.expires, characters=100)])
    with team(Tokens(granted)) as made:
        typist = made.join(TOKEN)
        typist.open("x" * 50)
        typist.status("ready")
        typist.post(PlaceContext(typist.uri, (ContextChunk("a.py", "y" * 51),)))
        assert "more than 100 characters" in typist.status("error")


def test_a_replica_that_ends_sends_its_clients_elsewhere_and_they_come_again():
    with team() as made:
        typist = made.join()
        typist.open()
        typist.status("ready")
        for _ in range(5):  # a failure would be told from the fourth time on
            after = len(typist.events)
            asyncio.run_coroutine_threadsafe(made.replica.part(), made.loop).result(10)
            assert "again" in typist.status("loading", after)
            typist.status("ready", after)
        assert not [event for event in typist.events if getattr(event, "kind", "") == "error"]


def test_a_session_is_written_down_without_any_text(granted, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("kvlsp"), "propagate", True)  # a replica's log goes its own way
    caplog.set_level(logging.DEBUG, logger="kvlsp")
    with team(Tokens(granted)) as made:
        typist = made.join(TOKEN)
        typist.open("sesame_open = 1\n")
        typist.status("ready")
        typist.type("sesame_again = ")
        offered = typist.ask()
    [line] = [record.getMessage() for record in caplog.records if record.name == "kvlsp.audit"]
    written = json.loads(line)
    assert (written["user"], written["documents"], written["edits"], written["requests"]) == ("ada", 1, 1, 1)
    assert written["offered"] == bool(offered.items)
    assert written["began"] <= written["ended"]
    told = "\n".join(record.getMessage() for record in caplog.records if record.name != "websockets.server")
    assert "sesame" not in told
    assert TOKEN not in told
    assert typist.uri not in told
