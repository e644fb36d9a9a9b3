"""Stands between an editor and its language server, so that a test can ask the server that the editor really uses.

    python tap.py FOLDER -- COMMAND...

Passes every byte on as it is; writes the messages of both directions to FOLDER/wire (a JSON line each) and the
server's process id to FOLDER/pid; answers on the socket FOLDER/socket: one JSON line {"method", "params"} in, the
server's answer as one JSON line out. Its own requests carry ids that no editor uses.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

OURS = "tap-"


def read_message(source: IO[bytes]) -> bytes | None:
    """The body of the next message."""
    length = 0
    while line := source.readline():
        if not line.strip():
            return source.read(length)
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return None


class Tap:
    def __init__(self, folder: Path, command: list[str]) -> None:
        self.wire = (folder / "wire").open("a", encoding="utf-8")
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        written = folder / "pid.new"
        written.write_text(str(self.server.pid))
        written.replace(folder / "pid")  # whoever reads it sees all of it
        self.lock = threading.Lock()
        self.waiting: dict[str, socket.socket] = {}
        path = folder / "socket"
        path.unlink(missing_ok=True)
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(str(path))
        self.door.listen()

    def run(self) -> int:
        threading.Thread(target=self.forward, daemon=True).start()
        threading.Thread(target=self.admit, daemon=True).start()
        assert self.server.stdout is not None
        while (body := read_message(self.server.stdout)) is not None:
            message = self.note("server", body)
            asker = self.waiting.pop(message["id"], None) if isinstance(message.get("id"), str) else None
            if asker is not None:
                asker.sendall(json.dumps(message).encode() + b"\n")
                asker.close()
            else:
                sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
                sys.stdout.buffer.flush()
        return self.server.wait()

    def forward(self) -> None:
        while (body := read_message(sys.stdin.buffer)) is not None:
            self.note("editor", body)
            self.send(body)
        assert self.server.stdin is not None
        self.server.stdin.close()

    def admit(self) -> None:
        for number in range(1 << 30):
            asker, _ = self.door.accept()
            request = f"{OURS}{number}"
            self.waiting[request] = asker
            self.send(json.dumps({"jsonrpc": "2.0", "id": request,
                                  **json.loads(asker.makefile("rb").readline())}).encode())

    def send(self, body: bytes) -> None:
        assert self.server.stdin is not None
        with self.lock:
            self.server.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            self.server.stdin.flush()

    def note(self, sender: str, body: bytes) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(body)
        with self.lock:
            self.wire.write(json.dumps({"time": time.time(), "from": sender, **message}) + "\n")
            self.wire.flush()
        return message


if __name__ == "__main__":
    split = sys.argv.index("--")
    # The reading thread may wait for an editor that keeps its end open: leave without asking it.
    os._exit(Tap(Path(sys.argv[1]), sys.argv[split + 1:]).run() & 0xFF)
