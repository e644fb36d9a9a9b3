"""The file of tokens: hashes, days, limits; read again when it has changed."""

from __future__ import annotations

import datetime
import logging

import pytest

from kvlsp.errors import ConfigurationError, EngineRefuses
from kvlsp.team.tokens import Grant, Tokens, digest, new_token, read, write
from kvlsp.team.usage import Usage
from tests.support.clock import ManualClock
from tests.team.conftest import TOKEN

DAY = datetime.date(2026, 11, 28)


def grant(until: datetime.date = DAY, **limits: int) -> Grant:
    return Grant("ada", digest(TOKEN), until, **limits)


def test_a_token_holds_on_its_last_day_and_not_after_it(granted):
    write(granted, [grant()])
    assert Tokens(granted, lambda: DAY).find(TOKEN).user == "ada"
    with pytest.raises(EngineRefuses, match="ada expired on 2026-11-28"):
        Tokens(granted, lambda: DAY + datetime.timedelta(1)).find(TOKEN)


def test_the_file_holds_no_token_and_is_for_its_owner(granted):
    made = new_token()
    write(granted, [Grant("bob", digest(made), DAY)])
    assert made not in granted.read_text()
    assert granted.stat().st_mode & 0o077 == 0
    assert len({new_token() for _ in range(100)}) == 100


def test_a_change_is_seen_and_a_broken_file_changes_nothing(granted):
    tokens = Tokens(granted, lambda: DAY)
    write(granted, [Grant("bob", digest("kvlsp-b"), DAY)])
    assert tokens.find("kvlsp-b").user == "bob"
    granted.write_text("{")
    assert tokens.find("kvlsp-b").user == "bob"
    granted.unlink()
    assert tokens.find("kvlsp-b").user == "bob"


@pytest.mark.parametrize("text", [
    "", "[]", '{"tokens": [{"user": "ada"}]}', '{"tokens": [], "other": 1}',
    '{"tokens": [{"user": "ada", "sha256": "00", "expires": "2030-01-01"}]}',
    '{"tokens": [{"user": "ada", "sha256": "%s", "expires": "soon"}]}' % ("0" * 64),
    '{"tokens": [{"user": "ada", "sha256": "%s", "expires": "2030-01-01", "sessions": 0}]}' % ("0" * 64),
])
def test_a_file_of_another_form_is_refused_with_its_name(tmp_path, text):
    path = tmp_path / "tokens.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"tokens\.json is not a file of tokens"):
        Tokens(path)


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "tokens.json"
    write(path, [grant(sessions=3, requests_per_minute=7)])
    assert read(path) == [grant(sessions=3, requests_per_minute=7)]


def test_requests_come_back_with_time():
    clock = ManualClock()
    usage, some = Usage(clock), grant(requests_per_minute=60)
    assert [usage.request(some) for _ in range(60)] == [0.0] * 60
    assert usage.request(some) == pytest.approx(1.0)
    clock.pass_(0.5)
    assert usage.request(some) == pytest.approx(0.5)
    clock.pass_(0.6)
    assert usage.request(some) == 0.0
    clock.pass_(3600)
    assert [usage.request(some) for _ in range(61)].count(0.0) == 60  # no more than a minute's are saved up


def test_who_goes_makes_room():
    usage, some = Usage(ManualClock()), grant(sessions=1)
    usage.begin(some)
    with pytest.raises(EngineRefuses):
        usage.begin(some)
    usage.end(some)
    usage.begin(some)


def test_who_may_read_the_file_may_read_it_when_it_has_been_written_again(granted):
    """A replica runs as another user than who looks after the tokens: what is withdrawn has to reach it."""
    granted.chmod(0o640)
    write(granted, [])
    assert granted.stat().st_mode & 0o777 == 0o640


def test_that_no_token_can_be_withdrawn_is_said_once(granted, caplog):
    tokens = Tokens(granted, lambda: DAY)
    granted.write_text("{")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            tokens.find(TOKEN)
    [warned] = caplog.records
    assert "none can be withdrawn" in warned.getMessage()
