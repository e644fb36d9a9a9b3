"""A hub of models on this machine: the few answers that its client asks for, from folders; it may break off."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """``models``: ids and their folders; ``about``: what the hub says of each beside its files."""

    def __init__(self, models: dict[str, Path], **about: Any) -> None:
        self.models, self.about = models, about
        self.breaks_after: int | None = None
        """Bytes of a weights file after which the connection ends, once; what comes then is refused with
        ``then_refuses``."""
        self.then_refuses = 0
        self.refuses = 0
        """The status with which everything is refused."""
        self.requests: list[tuple[str, str, str]] = []
        """(method, path, range) of what came."""
        self.address = ""


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """The hub behind a port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, body: bool) -> None:
            path = self.path.partition("?")[0]
            hub.requests.append((self.command, path, self.headers.get("Range", "")))
            parts = path.strip("/").split("/")
            if hub.refuses:
                self._send(hub.refuses, b"", {"X-Error-Code": "GatedRepo" if hub.refuses == 403 else ""}, body)
            elif parts[:2] == ["api", "models"] and "/".join(parts[2:4]) in hub.models:
                name = "/".join(parts[2:4])
                said = self._tree(name) if parts[4:5] == ["tree"] else self._described(name)
                self._send(200, json.dumps(said).encode(), {}, body)
            elif len(parts) > 4 and parts[2] == "resolve" and "/".join(parts[:2]) in hub.models:
                self._file(hub.models["/".join(parts[:2])] / "/".join(parts[4:]), body)
            else:
                self._send(404, b"", {"X-Error-Code": "RepoNotFound"}, body)

        def _described(self, name: str) -> dict[str, Any]:
            files = [
                {"rfilename": path.name, "size": path.stat().st_size} for path in sorted(hub.models[name].iterdir())
            ]
            return {"id": name, "sha": COMMIT, "siblings": files, "gated": False, "private": False, **hub.about}

        def _tree(self, name: str) -> list[dict[str, Any]]:
            return [
                {"type": "file", "path": path.name, "size": path.stat().st_size, "oid": path.name}
                for path in sorted(hub.models[name].iterdir())
            ]

        def _file(self, path: Path, body: bool) -> None:
            if not path.is_file():
                self._send(404, b"", {"X-Error-Code": "EntryNotFound"}, body)
                return
            data = path.read_bytes()
            headers = {
                "ETag": f'"{hashlib.sha256(data).hexdigest()}"',
                "X-Repo-Commit": COMMIT,
                "Accept-Ranges": "bytes",
            }
            begin = self.headers.get("Range", "").removeprefix("bytes=").partition("-")[0]
            if begin:
                headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
            breaks = None
            if body and path.suffix == ".safetensors" and hub.breaks_after is not None:
                breaks, hub.breaks_after = hub.breaks_after, None
            self._send(206 if begin else 200, data[int(begin or 0) :], headers, body, breaks)

        def _send(
            self, status: int, data: bytes, headers: dict[str, str], body: bool, breaks: int | None = None
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if value:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if body:
                self.wfile.write(data if breaks is None else data[:breaks])
            if breaks is not None:
                self.close_connection, hub.refuses = True, hub.then_refuses

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
