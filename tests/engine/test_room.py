"""The least limit counts, and names itself."""

from __future__ import annotations

import dataclasses

import pytest

from kvlsp.config import Settings
from kvlsp.engine.oneshot import complete_text
from kvlsp.engine.room import room_for
from kvlsp.errors import CacheFull
from tests.support.models import tiny_model


def test_the_least_limit_counts_and_names_itself() -> None:
    decoder = tiny_model(1).decoder
    most, slot = decoder.context_length, decoder.bytes_per_slot
    small = Settings(context_tokens=300)
    assert room_for(decoder, Settings()).tokens == most
    assert "model" in room_for(decoder, Settings()).advice
    assert room_for(decoder, Settings(context_tokens=most + 1)).tokens == most
    assert room_for(decoder, small, 400 * slot).tokens == 300
    assert "kvlsp.contextTokens" in room_for(decoder, small, 400 * slot).advice
    assert room_for(decoder, small, 200 * slot + 1).tokens == 200
    assert "kvlsp.cacheMib" in room_for(decoder, dataclasses.replace(small, cache_mib=1), 200 * slot).advice


def test_a_context_that_is_too_short_for_anything_says_what_to_raise() -> None:
    with pytest.raises(CacheFull, match=r"bounded to 100\. Raise kvlsp\.contextTokens, or set it to 0"):
        complete_text(tiny_model(1), "name = value\n" * 40, 8 * 13 - 1, settings=Settings(context_tokens=100))
