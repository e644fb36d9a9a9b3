"""What docs/editors tells people to configure, and the one scene that is played in every editor configured so."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.e2e.support.editors import REPOSITORY
from tests.e2e.support.tapped import TappedServer
from tests.e2e.support.terminal import Terminal

DAEMON = ["env", "OMP_NUM_THREADS=1", sys.executable, "-m", "kvlsp"]
NAME = "stack.py"
BEFORE = '''class Stack:
    def __init__(self):
        self.items = {}

    def push(self, name, item):
        self.items[name] = item

    def keys(self):
        return self.items.keys()

    def values(self):
        return '''
"""A file in which the default model has something to say behind `self.` that does not stand there, with a bracket."""
SUGGESTED = "items.values()"


def recipe(page: str, language: str, heading: str) -> str:
    """The first block of code in this language below this heading of docs/editors/PAGE.md."""
    text = (REPOSITORY / "docs" / "editors" / f"{page}.md").read_text(encoding="utf-8")
    _, found, section = text.partition(f"\n## {heading}\n")
    assert found, f"docs/editors/{page}.md has no section {heading}"
    block = re.search(rf"```{language}\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)
    assert block, f"docs/editors/{page}.md has no {language} below {heading}"
    return block[1]


class Scene:
    """A folder with :data:`NAME` in it, a home of its own, and a `kvlsp` on the search path whose talk is kept."""

    def __init__(self, folder: Path) -> None:
        self.home, self.folder = folder / "home", folder / "project"
        self.home.mkdir()
        (self.folder / ".git").mkdir(parents=True)
        self.path = self.folder / NAME
        self.path.write_text(BEFORE + "\n", encoding="utf-8")
        self.server = TappedServer(folder / "tap", [*DAEMON, "serve"])
        self._programs = self.server.program("kvlsp")
        self.terminals: list[Terminal] = []

    def close(self) -> None:
        """Ends the editors."""
        for terminal in self.terminals:
            terminal.close()

    def start(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> Terminal:
        """An editor in a terminal, in the project's folder."""
        own = {"HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home / ".config"), "PYTHONPATH": str(REPOSITORY),
               "XDG_CACHE_HOME": str(self.home / ".cache"), "PATH": f"{self._programs}:{os.environ['PATH']}"}
        terminal = Terminal(command, self.folder, {**own, **(environment or {})})
        self.terminals.append(terminal)
        return terminal

    def ready(self, terminal: Terminal, patience: float = 300) -> None:
        """Waits until the daemon has the file open and its model loaded."""
        terminal.wait(lambda _: self.server.knows(self.path), "the daemon has the file", patience)
        terminal.wait(lambda _: self.server.ask("kvlsp/documentState", {"uri": self.path.as_uri()})["tokens"] > 0,
                      "the daemon's model is loaded", patience)

    def saved(self, terminal: Terminal, typed: str) -> None:
        """What was typed stands in the saved file, and the daemon holds the same text, byte for byte."""
        wanted = BEFORE + typed + "\n"
        terminal.wait(lambda _: self._file() == wanted, f"{typed!r} in the saved file")
        terminal.wait(lambda _: self._held() == len(wanted), "the daemon holds all of it")  # some send it later
        self.server.check_same_text(self.path, wanted.encode())

    def _file(self) -> str:
        return self.path.read_text(encoding="utf-8") if self.path.exists() else ""  # some write another in its place

    def _held(self) -> int:
        return int(self.server.ask("kvlsp/documentState", {"uri": self.path.as_uri()})["characters"])

    def no_errors(self, *methods: str) -> None:
        """No answer to these requests of the editor was an error, and nothing was told that it did not ask for."""
        for method in methods:
            answers = self.server.answers(method)
            assert not [answer for answer in answers if isinstance(answer, dict) and "code" in answer]
        assert not self.server.told("kvlsp/status")
