"""Next edits in the engine: who asks gets one answer; nothing is done where nobody wants it."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import Any

import pytest

from kvlsp.engine.reader import Reader
from kvlsp.messages import (
    CancelToken,
    CloseDocument,
    Completed,
    Configure,
    EditDocument,
    Feedback,
    NextEdit,
    OpenDocument,
)
from kvlsp.reasons import Reason
from kvlsp.text.document import Change
from kvlsp.text.edit import Edit
from tests.support.engine_bench import SETTINGS, URI, Bench

TEXT = "def add(amount):\n    if amount:\n        return amount\n\ndef other(amount):\n    return amount\n"
ON = replace(SETTINGS, next_edit="on", next_edit_minimum_gain=0.0)
ASKED = replace(ON, next_edit="asked")


def bench(settings: Any = ON, text: str = TEXT) -> Bench:
    made = Bench(text, settings, language="python")
    made.rest()
    return made


def ask(made: Bench, trigger: Any = "automatic", **changes: Any) -> NextEdit:
    request = NextEdit(next(made.tickets), URI, changes.pop("version", made.snapshot.version), 0, trigger,
                       made.clock(), **changes)
    made.engine.post(request)
    return request


def answer(made: Bench, request: NextEdit) -> Completed:
    (found,) = [event for event in made.events if isinstance(event, Completed) and event.ticket == request.ticket]
    return found


def answered(made: Bench, request: NextEdit) -> tuple[str, Reason | None]:
    """Its first line, or the reason, once the keyboard has rested for a second."""
    made.work()
    made.clock.pass_(1)
    made.work()
    found = answer(made, request)
    return (found.items[0].text.strip() if found.items else ""), found.reason


def rename(made: Bench) -> None:
    for number, letter in enumerate("sum"):
        made.edit(8 + number, 14 if number == 0 else 8 + number, letter)


@pytest.mark.parametrize("settings", [ON, ASKED])
def test_a_renamed_parameter_is_followed_place_by_place(settings):
    made = bench(settings)
    rename(made)
    said = []
    while True:
        request = ask(made, "invoked")
        text, reason = answered(made, request)
        if not text:
            break
        said.append(text)
        item = answer(made, request).items[0]
        made.engine.post(Feedback(URI, item.completion, "accepted"))
        made.edit(item.start, item.end, item.text)
    assert said == ["if sum:", "return sum"]
    assert reason is Reason.NOTHING_TO_SAY
    assert str(made.snapshot.text).endswith("def other(amount):\n    return amount\n")


def test_a_line_is_replaced_whatever_its_end():
    made = bench(text=TEXT.replace("\n", "\r\n"))
    rename(made)
    request = ask(made)
    assert answered(made, request)[0] == "if sum:"
    item = answer(made, request).items[0]
    assert made.snapshot.text.slice(item.start, item.end) == "    if amount:"


def test_what_was_turned_down_does_not_come_back():
    made = bench()
    rename(made)
    request = ask(made)
    assert answered(made, request)[0] == "if sum:"
    made.engine.post(Feedback(URI, answer(made, request).items[0].completion, "rejected"))
    assert answered(made, ask(made))[0] == "return sum"


def test_an_edit_overtakes_a_request_and_the_next_one_is_answered():
    made = bench()
    rename(made)
    first = ask(made)
    made.engine.turn(0)
    made.edit(0, 0, "\n")
    assert answered(made, first)[1] is Reason.SUPERSEDED
    assert answered(made, ask(made))[0] == "if sum:"


def test_nothing_changed_nothing_comes():
    made = bench()
    assert answered(made, ask(made)) == ("", Reason.NOTHING_TO_SAY)


def test_everybody_is_answered_once_with_a_reason():
    made = bench()
    rename(made)
    made.work()
    stale, cancelled = ask(made, version=1), ask(made, cancel=(token := CancelToken()))
    token.cancel()
    made.work()
    assert answer(made, stale).reason is Reason.STALE_VERSION
    assert answer(made, cancelled).reason in (Reason.CANCELLED, Reason.NOTHING_TO_SAY)
    waits = ask(made)
    made.engine.post(CloseDocument(URI))
    made.work()
    assert answer(made, waits).reason in (Reason.SUPERSEDED, None)
    unknown = ask(made)
    made.work()
    assert answer(made, unknown).reason is Reason.UNKNOWN_DOCUMENT


def test_who_waits_too_long_is_told_so():
    made = bench()
    rename(made)
    made.engine.turn(0)
    request = ask(made)
    made.engine.turn(0)
    made.clock.pass_(9)
    made.engine.turn(0)
    assert answer(made, request).reason is Reason.DEADLINE


def test_off_does_nothing_at_all():
    forwards = []
    for mode in ("off", "asked"):
        made = bench(replace(ON, next_edit=mode))
        made.decoder.before = lambda: forwards.append(1)
        rename(made)
        made.rest()
        forwards.append(0)
    counts = "".join(map(str, forwards)).split("0")
    assert counts[0] == counts[1]


def test_off_is_answered_disabled():
    made = bench(replace(ON, next_edit="off"))
    assert answered(made, ask(made))[1] is Reason.DISABLED


def test_a_keystroke_while_it_is_looked_for_waits_for_one_forward():
    made = bench(text=TEXT * 12)
    rename(made)
    made.clock.pass_(9)
    ask(made)
    rows = []
    made.decoder.before = lambda: rows.append(1)
    made.engine.turn(0)
    assert len(rows) <= 1
    made.edit(0, 0, "x")
    made.engine.turn(0)
    assert len(rows) <= 2


def test_other_settings_are_followed():
    made = bench(replace(ON, next_edit="off"))
    made.engine.post(Configure(ON))
    made.rest()
    rename(made)
    assert answered(made, ask(made))[0] == "if sum:"


def test_only_the_document_that_the_user_is_in_has_a_reader():
    made = bench()
    other = replace(made.snapshot, uri="file:///other.py")
    rename(made)
    assert answered(made, ask(made))[0] == "if sum:"
    made.engine.post(OpenDocument(other))
    after = other.text.replace(Edit(0, 0, "\n"))
    edited = replace(other, version=2, text=after)
    made.engine.post(EditDocument(other.uri, 1, (Change(Edit(0, 0, "\n"), after),), edited))
    made.rest()
    gc.collect()
    assert sum(isinstance(one, Reader) for one in gc.get_objects()) == 1


def test_who_asks_is_shown_what_nobody_is_bothered_with():
    made = bench(text="".join(f'log(name, "{letter}")\n' for letter in "abcdefgh"))
    made.edit(4, 8, "level")
    made.rest()
    assert answered(made, ask(made)) == ("", Reason.NOTHING_TO_SAY)
    assert answered(made, ask(made, "invoked"))[0].startswith("log(level")
