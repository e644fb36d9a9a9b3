"""A terminal without a window: a program in it, keys in, the screen as a user sees it out."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyte

from tests.e2e.support.editors import ARTEFACTS

WIDTH, HEIGHT = 100, 30
PATIENCE = 60.0
"""Seconds to wait for something on the screen: generous, since a machine may be busy with other things."""
KEYS = {"Enter": "\r", "Escape": "\x1b", "Tab": "\t"}


class _Screen(pyte.Screen):  # type: ignore[misc]
    """Takes what programs ask of newer terminals for nothing at all."""

    def select_graphic_rendition(self, *attributes: int, private: bool = False) -> None:
        if not private:
            super().select_graphic_rendition(*attributes)

    def report_device_status(self, mode: int, private: bool = False) -> None:
        if not private:
            super().report_device_status(mode)


class Terminal:
    """One program on a screen of :data:`WIDTH` by :data:`HEIGHT`."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.screen_ = _Screen(WIDTH, HEIGHT)
        self._stream = pyte.ByteStream(self.screen_)
        self._lock = threading.Lock()
        self.process, self._terminal = pty.fork()
        if not self.process:
            os.chdir(folder)
            around = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", **environment}
            os.execvpe(command[0], list(command), around)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._terminal, 65536)
            except OSError:  # it has ended
                return
            with self._lock:
                self._stream.feed(data)
            if b"\x1b[c" in data:  # "what are you?": a plain terminal
                os.write(self._terminal, b"\x1b[?62c")

    def close(self) -> None:
        """Ends the program, whatever it was doing."""
        try:
            os.kill(self.process, signal.SIGTERM)
            end = time.monotonic() + 10
            while os.waitpid(self.process, os.WNOHANG)[0] == 0:
                if time.monotonic() > end:
                    os.kill(self.process, signal.SIGKILL)
                    os.waitpid(self.process, 0)
                    break
                time.sleep(0.05)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self._terminal)

    def type(self, text: str, pause: float = 0.03) -> None:
        """Types as a person does, a key after the other."""
        for character in text:
            os.write(self._terminal, character.encode())
            time.sleep(pause)

    def press(self, *names: str) -> None:
        """Keys by name: those of :data:`KEYS`, ``C-x`` with Control, ``M-x`` with Alt."""
        for name in names:
            modifier, letter = (name[0], name[2:]) if name[1:2] == "-" else ("", name)
            keys = KEYS.get(name) or letter
            if modifier == "C":
                keys = chr(ord(letter) & 0x1F)
            elif modifier == "M":
                keys = "\x1b" + letter
            os.write(self._terminal, keys.encode())
            time.sleep(0.5 if name == "Escape" else 0.1)  # what follows an escape at once belongs to it

    def screen(self) -> str:
        """The rows of the screen."""
        with self._lock:
            return "\n".join(row.rstrip() for row in self.screen_.display)

    def wait(self, until: Callable[[str], bool] | str, what: str = "", patience: float = PATIENCE) -> str:
        """The screen as soon as it is right (or holds a text); fails with the screen where that takes too long."""
        right = (lambda screen: until in screen) if isinstance(until, str) else until
        end = time.monotonic() + patience
        while not right(screen := self.screen()):
            assert time.monotonic() < end, f"waited for {what or until!r} on the screen, which shows\n{screen}"
            time.sleep(0.05)
        return screen

    def save(self, name: str) -> None:
        """Keeps the screen for people to look at."""
        ARTEFACTS.mkdir(exist_ok=True)
        (ARTEFACTS / f"{name}.txt").write_text(self.screen() + "\n", encoding="utf-8")
