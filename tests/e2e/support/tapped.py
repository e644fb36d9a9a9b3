"""A language server behind :mod:`tap`, and what a test may ask it."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
import socket
from pathlib import Path
from typing import Any

from tests.e2e.support.editors import HERE


class TappedServer:
    """A language server behind :mod:`tap`, and what a test may ask it."""

    def __init__(self, folder: Path, command: list[str]) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        tap = HERE / "support" / "tap.py"
        self.command = [shutil.which("python3") or "python3", str(tap), str(folder), "--", *command]

    def program(self, name: str) -> Path:
        """A folder with a program of this name that starts the server: for a search path."""
        folder = self.folder / "bin"
        folder.mkdir()
        script = folder / name
        script.write_text(f"#!/bin/sh\nexec {shlex.join(self.command)}\n", encoding="utf-8")
        script.chmod(0o755)
        return folder

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(self.folder / "socket"))
            connection.sendall(json.dumps({"method": method, "params": params}).encode() + b"\n")
            answer = json.loads(connection.makefile("rb").readline())
        assert "error" not in answer, answer
        return answer["result"]

    def knows(self, path: Path) -> bool:
        """Whether the server runs and has this document open."""
        try:
            return self.ask("kvlsp/documentState", {"uri": path.as_uri()}) is not None
        except (OSError, ValueError):
            return False  # it is starting

    def messages(self, method: str) -> list[Any]:
        """The parameters of the editor's messages of a method."""
        wire = self.folder / "wire"
        entries = map(json.loads, wire.read_text(encoding="utf-8").splitlines() if wire.exists() else ())
        return [entry.get("params") for entry in entries if entry["from"] == "editor" and entry.get("method") == method]

    def told(self, method: str) -> list[Any]:
        """The parameters of the server's notifications of a method."""
        wire = self.folder / "wire"
        entries = map(json.loads, wire.read_text(encoding="utf-8").splitlines() if wire.exists() else ())
        return [entry.get("params") for entry in entries if entry["from"] == "server" and entry.get("method") == method]

    def answers(self, method: str) -> list[Any]:
        """The server's answers to the editor's requests of a method: result or error object, in order."""
        asked, answers = set(), []
        for entry in map(json.loads, (self.folder / "wire").read_text(encoding="utf-8").splitlines()):
            if entry["from"] == "editor" and entry.get("method") == method:
                asked.add(entry["id"])
            elif entry["from"] == "server" and "method" not in entry and entry.get("id") in asked:
                answers.append(entry.get("error", entry.get("result")))
        return answers

    def pid(self) -> int:
        path = self.folder / "pid"
        return int(path.read_text()) if path.exists() else 0

    def check_same_text(self, path: Path, content: bytes) -> None:
        """The text that the server holds is the saved buffer's, byte for byte."""
        state = self.ask("kvlsp/documentState", {"uri": path.as_uri()})
        assert state is not None, "the server does not know the document"
        text = content.decode()
        assert (state["characters"], state["sha256"]) == (len(text), hashlib.sha256(content).hexdigest())
