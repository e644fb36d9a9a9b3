"""What people ask the shared engines: which are running, how they are, and to end. No engine is started for it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Final

from kvlsp.errors import KvlspError, WireError
from kvlsp.remote.finding import dial
from kvlsp.remote.lock import holder
from kvlsp.remote.meeting_place import MeetingPlace, places
from kvlsp.remote.peer import Handle
from kvlsp.wire import handshake, schema
from kvlsp.wire.channel import Channel
from kvlsp.wire.frames import FROM_ENGINE, pack
from kvlsp.wire.words import to_mapping, to_text

PATIENCE: Final = 10.0
"""Seconds for an answer, and for an end that was promised."""


def engines() -> list[Mapping[str, Any]]:
    """What every engine of this user says of itself; of one that does not answer, ``problem`` says why."""
    return [_report(place) for place in places() if holder(place.lock) is not None]


def stop() -> list[Mapping[str, Any]]:
    """Ends every engine of this user, by force those that do not; what they were. Returns when they have ended."""
    found: list[Mapping[str, Any]] = []
    for place in places():
        process = holder(place.lock)
        if process is None:
            continue
        found.append({"name": place.name, "process": process})
        handle = Handle(process)
        with contextlib.suppress(KvlspError):
            if _said(place, handshake.ask_end()) is not None and handle.ended(PATIENCE):
                handle.close()
                continue
        handle.kill()
        handle.close()
        place.socket.unlink(missing_ok=True)
    return found


def _report(place: MeetingPlace) -> Mapping[str, Any]:
    known = {"name": place.name, "process": holder(place.lock), "socket": str(place.socket)}
    try:
        answer = _said(place, handshake.ask_status())
    except KvlspError as error:
        return {**known, "problem": str(error)}
    if not isinstance(answer, schema.Report):
        return {**known, "problem": "It does not answer."}
    return {**known, **to_mapping(answer.values)}


def _said(place: MeetingPlace, question: schema.First) -> schema.FromEngine | None:
    """The answer; None where nobody gives one."""
    connection = dial(place)
    if connection is None:
        return None
    channel = Channel(connection)
    try:
        channel.write(pack(question))
        answer = channel.read(FROM_ENGINE, PATIENCE)
        if isinstance(answer, schema.Goodbye):
            with contextlib.suppress(EOFError):  # which comes when it has parted from its clients
                channel.read(FROM_ENGINE, PATIENCE)
        if isinstance(answer, schema.Refused):
            raise WireError(to_text(answer.why))
        return answer
    except EOFError:
        return None
    finally:
        channel.close()
