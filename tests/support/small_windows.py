"""Windows so small that texts of some hundred tokens have some that grow, slide and jump."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch


def small_windows(*, block: int, margin: int, first: int, room: int) -> Any:
    """A patch of the sizes in :mod:`kvlsp.prompt.window`, not started yet."""
    return patch.multiple("kvlsp.prompt.window", BLOCK=block, MARGIN=margin, FIRST=first, SMALL=2 * first, ROOM=room)
