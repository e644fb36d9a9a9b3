"""The models that could be chosen, for a client that offers them: ``kvlsp models`` in a process of its own is asked.

It looks at disks and times forwards, which takes seconds and the libraries that run a model; the editor's thread goes
on meanwhile. Which model is then used is a setting, and changing it is the client's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kvlsp.config import Settings
from kvlsp.server.answers import INTERNAL_ERROR, Answer, Refusal, Result
from kvlsp.workspace import pipes

if TYPE_CHECKING:
    from kvlsp.server.server import KvlspServer

log = logging.getLogger(__name__)

PATIENCE: Final = 120.0
"""Seconds that the process may take: it imports much from a disk that may be slow."""

FAILED: Final = "The models could not be listed; kvlsp models in a shell says why."


class Choosing:
    """At most one process at a time: whoever asks meanwhile gets the same answer. Used by the editor's thread only."""

    def __init__(self, ls: KvlspServer) -> None:
        self._ls = ls
        self._told: asyncio.Future[Any] | None = None
        self._process: asyncio.subprocess.Process | None = None

    def ask(self) -> Answer:
        """``{machine, models, model}`` as ``kvlsp models --json`` has it; ``model`` is the one of the settings."""
        answer = Answer()
        if self._told is None:
            self._told = asyncio.ensure_future(self._run(self._ls.settings))

        def told(found: asyncio.Future[Any]) -> None:
            self._told = None
            if found.cancelled() or found.exception() is not None:
                answer.give(Refusal(INTERNAL_ERROR, FAILED))
            else:
                answer.give(Result({**found.result(), "model": self._ls.settings.model}))

        self._told.add_done_callback(told)
        return answer

    def close(self) -> None:
        """The daemon ends."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    async def _run(self, settings: Settings) -> dict[str, Any]:
        command, nothing = pipes.command("kvlsp.cli", arguments(settings)), asyncio.subprocess.DEVNULL
        self._process = process = await asyncio.create_subprocess_exec(
            *command, stdin=nothing, stdout=asyncio.subprocess.PIPE, stderr=nothing)
        try:
            said, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
            found = json.loads(said)
        except (ValueError, TimeoutError, asyncio.TimeoutError) as error:
            log.warning("the models could not be listed (%s, exit code %s)", type(error).__name__, process.returncode)
            raise
        finally:
            self.close()
            self._process = None
        if not isinstance(found, dict):
            raise ValueError("no list of models")
        return found


def arguments(settings: Settings) -> list[str]:
    """Of the program ``kvlsp``: the daemon's own device and threads, and the folder that its model lies in, if it has
    one."""
    given = ["models", "--json", "--device", settings.device, "--threads", str(settings.threads)]
    if settings.model.startswith(("~", "./", "../", ".\\", "..\\")) or Path(settings.model).is_absolute():
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            folder = Path(settings.model).expanduser().absolute().parent
            if folder.is_dir():
                given += ["--in", str(folder)]
    return given
