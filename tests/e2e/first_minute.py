"""From a fresh clone to the first ghost text, timed: ``python -m tests.e2e.first_minute [FOLDER]``.

What somebody does who has just heard of it: clone, make an environment, the two commands of the README, type. A real
browser types as soon as it can. FOLDER is where the clone is made (a temporary one otherwise, deleted afterwards).
What is downloaded depends on the network, and on which build of torch is found there.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.support.chromium import Chromium
from tests.e2e.support.editors import REPOSITORY

TYPED = ("\n    def ", "push_all(self, items):", "\n", "        for item in items:", "\n", "self.")


def timed(what: str, command: Sequence[str], folder: Path) -> float:
    began = time.monotonic()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    took = time.monotonic() - began
    print(f"{took:7.1f} s  {what}", flush=True)
    return took


def first_ghost(program: Path, file: Path) -> float:
    """Seconds from the command to grey text on the page."""
    began = time.monotonic()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([str(program), "playground", str(file), "--no-browser"], stdout=subprocess.PIPE,
                               text=True, env=environment, cwd=file.parent)
    page = Chromium()
    try:
        assert process.stdout is not None
        address = re.search(r"http://127[^ ]+", process.stdout.readline())
        assert address is not None
        print(f"{time.monotonic() - began:7.1f} s    until the address is told", flush=True)
        page.do("open", url=address[0])
        page.wait(lambda: page.evaluate("window.kvlsp?.editor != null"), "the editor")
        print(f"{time.monotonic() - began:7.1f} s    until one can type", flush=True)
        page.wait(lambda: page.evaluate("document.querySelector('#state').dataset.kind") == "ready", "the model")
        print(f"{time.monotonic() - began:7.1f} s    until the model is ready", flush=True)
        page.do("press", key="Control+End")
        for piece in TYPED:
            page.do("type", text=piece, delay=40)
            until = time.monotonic() + 2
            while time.monotonic() < until:
                if page.text(".ghost"):
                    took = time.monotonic() - began
                    print(f"{took:7.1f} s  kvlsp playground, until ghost text: {page.text('.ghost')!r}", flush=True)
                    return took
                time.sleep(0.02)
        raise SystemExit("No ghost text came.")
    finally:
        page.close()
        process.send_signal(signal.SIGINT)
        process.wait(30)


def main(folder: Path) -> None:
    clone, environment = folder / "kvlsp", folder / "environment"
    bin_ = environment / "bin"
    took = timed("git clone", ["git", "clone", "--quiet", str(REPOSITORY), str(clone)], folder)
    took += timed("python -m venv", [sys.executable, "-m", "venv", str(environment)], folder)
    took += timed('pip install ".[playground]"', [str(bin_ / "pip"), "install", "--quiet", ".[playground]"], clone)
    file = folder / "stack.py"
    file.write_text("class Stack:\n    def __init__(self):\n        self.items = []\n\n    def push(self, item):\n"
                    "        self.items.append(item)\n\n    def pop(self):\n        return self.items.pop()\n",
                    encoding="utf-8")
    took += first_ghost(bin_ / "kvlsp", file)
    print(f"{took:7.1f} s  in all")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]).resolve())
    else:
        with tempfile.TemporaryDirectory() as made:
            main(Path(made))
