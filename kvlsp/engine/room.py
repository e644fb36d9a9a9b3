"""How many tokens a document may have resident, and which limit says so: a full cache must be able to name it."""

from __future__ import annotations

from dataclasses import dataclass

from kvlsp.config import Settings
from kvlsp.model.decoder import Decoder


@dataclass(frozen=True, slots=True)
class Room:
    """``tokens`` at most; ``advice`` is the sentence for whom that is too few."""

    tokens: int
    advice: str


def room_for(decoder: Decoder, settings: Settings, bound: int | None = None) -> Room:
    """The least of what the model, the user and a ``bound`` in bytes over all caches (None: no bound) allow."""
    rooms = [Room(decoder.context_length, "That is all this model takes; choose one with a longer context.")]
    if settings.context_tokens:
        rooms.append(Room(settings.context_tokens, "Raise kvlsp.contextTokens, or set it to 0: all the model takes."))
    if bound is not None:
        advice = "Raise kvlsp.cacheMib, or set it to 0: a share of the free memory."
        if not settings.cache_mib:
            advice = "That is a share of the memory that was free; set kvlsp.cacheMib to give the caches more."
        rows = max(0, bound - decoder.bytes_per_document)
        rooms.append(Room(rows // decoder.bytes_per_slot, advice))
    return min(rooms, key=lambda room: room.tokens)
