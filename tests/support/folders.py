"""Folders whose paths are short enough for a socket, which pytest's own are not."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def short_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="k") as folder:
        yield Path(folder)
