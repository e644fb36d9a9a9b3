"""Several real daemons at one shared engine, in a runtime folder of their own."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.folders import short_folder
from tests.support.lsp_client import LspClient, edit, python_module

OPTIONS = {"deadlineMs": 20_000, "invokedDeadlineMs": 60_000, "confidence": 0, "crossFile": "never"}
BEGUN = "def add(left, right):\n    return left + right\n\n\n"
WORDS = ["total = ", "left", "right + ", "value()", "\n", "    return ", "if left:\n", "    ", "x, ", "# note\n", "é"]


class Typist:
    """A daemon and its editor, typing at the end of one document."""

    def __init__(self, sharing: Sharing, name: str, **options: Any) -> None:
        """``options`` are those of the daemon's start."""
        self.uri, self.text = f"file:///{name}.py", BEGUN
        self.client = LspClient.spawn(python_module("kvlsp", "serve", "--engine", sharing.engine),
                                      stderr=subprocess.DEVNULL, env=sharing.environment, **options)
        self.client.initialize(OPTIONS)
        self.client.open(self.uri, self.text)
        self.asked: list[int] = []

    @property
    def process(self) -> int:
        assert self.client.process is not None
        return self.client.process.pid

    def place(self) -> tuple[int, int]:
        lines = self.text.split("\n")
        return len(lines) - 1, len(lines[-1])

    def type(self, text: str) -> None:
        line, column = self.place()
        self.text += text
        self.client.change(self.uri, edit(line, column, column, text))

    def ask(self, trigger: int = 2) -> int:
        """The number of a request at the end of the text; 1: by hand, 2: as while typing."""
        self.asked.append(self.client.complete(self.uri, *self.place(), trigger))
        return self.asked[-1]

    def types(self, dice: random.Random) -> None:
        """A word, and at times a request."""
        self.type(dice.choice(WORDS))
        if dice.random() < 0.5:
            self.ask()

    def suggested(self, patience: float) -> float:
        """Seconds until there is a suggestion again; fails where none comes."""
        began = time.monotonic()
        tries = 0
        while time.monotonic() - began < patience:
            if tries % 20 == 0:  # behind what was typed at random, the model may have nothing to say that fits
                self.type(f"\n\n\n{BEGUN}def subtract(left, right):\n    return ")
            tries += 1
            answer = self.client.answer_to(self.ask(1))
            if answer.get("result"):
                return time.monotonic() - began
            time.sleep(0.1)
        raise AssertionError(f"{self.uri}: no suggestion for {patience:.0f} s")

    def same_text(self) -> bool:
        """Whether the engine's text is the editor's."""
        state = self.client.state(self.uri)
        return bool(state["sha256"] == hashlib.sha256(self.text.encode()).hexdigest())

    def in_engine(self) -> bool:
        """Whether the engine has the document, not the daemon alone."""
        return bool(self.client.state(self.uri)["tokens"])

    def unanswered(self) -> int:
        return sum(len(self.client.answers_to(number)) != 1 for number in self.asked)


class Sharing:
    """``folder`` is the runtime folder; ``engine`` as in ``--engine``."""

    def __init__(self, folder: Path, engine: str = "shared", linger: float = 60.0) -> None:
        self.folder, self.engine = folder / "kvlsp", engine
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "OMP_NUM_THREADS": "1",
                            "KVLSP_ENGINE_LINGER": str(linger)}
        self.typists: list[Typist] = []

    def join(self, name: str, **options: Any) -> Typist:
        self.typists.append(Typist(self, name, **options))
        return self.typists[-1]

    def leave(self, typist: Typist) -> None:
        self.typists.remove(typist)
        assert typist.client.close() == 0

    def engines(self) -> list[dict[str, Any]]:
        """As ``kvlsp engine status`` has it."""
        done = subprocess.run([sys.executable, "-m", "kvlsp", "engine", "status", "--json"], env=self.environment,
                              capture_output=True, text=True, check=True)
        found: list[dict[str, Any]] = json.loads(done.stdout)["engines"]
        return found

    def process(self) -> int | None:
        """The engine's, by its lock; None while nobody has signed it."""
        for lock in self.folder.glob("*.lock"):
            text = lock.read_text().strip()
            if text:
                return int(text)
        return None

    def stop(self) -> None:
        subprocess.run([sys.executable, "-m", "kvlsp", "engine", "stop"], env=self.environment,
                       capture_output=True, check=True)

    def left_behind(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.is_dir() else []


@contextmanager
def sharing(**options: Any) -> Iterator[Sharing]:
    with short_folder() as folder:
        shared = Sharing(folder, **options)
        try:
            yield shared
        finally:
            for typist in shared.typists:
                if typist.client.process is not None:
                    typist.client.process.kill()
                    typist.client.process.wait()
            shared.stop()


def alive(process: int) -> bool:
    """Whether it runs; one that has ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
