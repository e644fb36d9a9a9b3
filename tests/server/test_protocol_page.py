"""PROTOCOL.md names what the server offers, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from kvlsp.messages import Reason
from kvlsp.server import commands, handlers, status

PAGE = Path(handlers.__file__).with_name("PROTOCOL.md").read_text(encoding="utf-8")


def test_every_method_of_our_own_is_explained():
    ours = {m for m in handlers.HANDLERS if m.startswith("kvlsp/") or "Completion" in m}
    for name in (*ours, *commands.COMMANDS, status.STATUS, status.COPILOT_STATUS):
        assert f"`{name}`" in PAGE, name


def test_no_method_is_invented():
    known = {*handlers.HANDLERS, *commands.COMMANDS, status.STATUS}
    assert set(re.findall(r"`(kvlsp[/.]\w+)`", PAGE)) <= known


def test_every_reason_is_named():
    assert [reason.value for reason in Reason if reason.value not in PAGE] == []
