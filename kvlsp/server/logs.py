"""The daemon's log: standard error, and never the user's code above the debug level.

asyncio writes what it was given at its lower levels, so that stays at WARNING whatever the trace setting says.
"""

from __future__ import annotations

import logging
import sys

LEVELS = {"off": logging.WARNING, "messages": logging.INFO, "compact": logging.INFO, "spans": logging.INFO,
          "verbose": logging.DEBUG}
"""Trace settings, ours and the protocol's, and the level of our own log."""


def configure(trace: str) -> None:
    """Once, at the start of the process."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, datefmt="%H:%M:%S", force=True,
                        format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    set_level(trace)


def set_level(trace: str) -> None:
    """Follow a changed setting."""
    logging.getLogger("kvlsp").setLevel(LEVELS.get(trace, logging.WARNING))
