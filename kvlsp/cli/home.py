"""A home for a process that has none: a container that runs as a number without an account, some service managers.

Every library that keeps something asks for the user's home, and fails where there is none. Such a process gets one in
which nothing can be written: nothing is kept, and all else works.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

NOTHING_IS_KEPT: Final = ("This user has no home folder, so nothing is kept from one start to the next: no "
                          "measurements, no index of the workspace, no fetched models. Set HOME or XDG_CACHE_HOME to "
                          "a folder.")


def provide_home() -> bool:
    """Make sure that there is a home; returns True if nothing can be kept in it."""
    if not os.path.isabs(os.environ.get("HOME", "")) and os.name == "posix":
        os.environ.pop("HOME", None)
        try:
            os.environ["HOME"] = str(Path.home())
        except RuntimeError:
            os.environ["HOME"] = os.devnull
    return os.environ.get("HOME") == os.devnull and not os.environ.get("XDG_CACHE_HOME")
