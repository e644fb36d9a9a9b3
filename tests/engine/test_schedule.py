"""The table of what is done next, a test per row: each row holds where no row above it does."""

from __future__ import annotations

import dataclasses

import pytest

from kvlsp.engine.schedule import Decision, Facts, Work, schedule

NOW = 100.0
TYPING = Facts(quiet_at=NOW + 0.1)
RESTING = Facts(quiet_at=NOW)
EVERYTHING = {"unread": True, "expected": True, "synced": False, "overdue": True, "crossed": True, "misplaced": True,
              "grows": True, "stale": True}


def decide(facts: Facts, **changes: bool) -> Decision:
    return schedule(dataclasses.replace(facts, **changes), NOW)


@pytest.mark.parametrize("facts", [TYPING, RESTING])
@pytest.mark.parametrize(("changes", "work"), [
    ({**EVERYTHING, "asked": True, "unread_here": True}, Work.TOKENIZE),
    ({**EVERYTHING, "asked": True}, Work.COMPLETE),
    (EVERYTHING, Work.TOKENIZE),
    ({**EVERYTHING, "unread": False}, Work.BEGIN),
    ({**EVERYTHING, "unread": False, "expected": False}, Work.SYNC),
    ({**EVERYTHING, "unread": False, "expected": True, "preparing": True}, Work.COMPLETE),
    ({"stale": True, "grows": True, "misplaced": True, "decoding": True, "crossed": True}, Work.COMPLETE),
])
def test_what_does_not_wait_for_a_rest(facts, changes, work):
    assert decide(facts, **changes) == Decision(work)


@pytest.mark.parametrize(("changes", "work"), [
    ({"overdue": True, "stale": True, "decoding": True}, Work.REFRESH_OLDEST),
    ({"overdue": True, "stale": True, "decoding": True, "refreshed": True}, Work.COMPLETE),
    ({"overdue": True, "stale": True, "refreshed": True}, Work.REFRESH_OLDEST),
    ({"overdue": True, "stale": True, "preparing": True}, Work.COMPLETE),
    ({"crossed": True, "stale": True}, Work.REFRESH_OLDEST),
])
def test_what_comes_between_two_keystrokes(changes, work):
    assert decide(TYPING, **changes) == Decision(work)


@pytest.mark.parametrize(("changes", "work"), [
    ({"next_edit_asked": True, "rough": True, "misplaced": True, "grows": True, "stale": True}, Work.NEXT_EDIT),
    ({"rough": True, "misplaced": True, "grows": True, "stale": True, "crossed": True}, Work.REFINE),
    ({"misplaced": True, "grows": True, "stale": True, "crossed": True, "overdue": True}, Work.PLACE),
    ({"grows": True, "stale": True, "crossed": True, "overdue": True}, Work.GROW),
    ({"stale": True, "crossed": True, "overdue": True}, Work.REFRESH),
    ({"next_edit": True, "looked_at": True}, Work.NEXT_EDIT),
    ({"looked_at": True}, Work.JUDGE),
])
def test_what_waits_for_a_rest(changes, work):
    assert decide(RESTING, **changes) == Decision(work)
    calm = {name: value for name, value in changes.items() if name not in ("crossed", "overdue")}
    waits = decide(TYPING, **calm)
    assert waits.work is None
    assert waits.wait == pytest.approx(0.1)


@pytest.mark.parametrize("facts", [TYPING, RESTING])
def test_where_all_is_done_only_a_message_brings_work(facts):
    assert decide(facts) == Decision(None)
