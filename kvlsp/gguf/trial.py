"""A GGUF file is opened in a process of its own first: what is wrong with one may end the process that has it.

llama.cpp checks much of a file and ends the process at what it did not expect. So a file is opened, and a few tokens
are encoded and moved, where nothing else is lost; once for a file and a version of llama.cpp, then it is remembered.
"""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import numpy as np
from platformdirs import user_cache_path

from kvlsp.errors import ModelBroken, OutOfMemory
from kvlsp.gguf.api import SMALLER, LlamaModel, llama, version
from kvlsp.gguf.batch import Batch
from kvlsp.gguf.cells import Cells
from kvlsp.model.limits import tells_of_shortage

log = logging.getLogger(__name__)

BEGUN: Final = "begun"
"""What the process says before it opens the file, and ``DONE`` when it has survived."""
DONE: Final = "done"
_LEAST_SECONDS: Final = 300.0
_BYTES_PER_SECOND: Final = 20e6
"""A disk reads so much at least."""
_BEGIN: Final = "import sys; told, *sys.path[:] = sys.argv[1:]; from kvlsp.gguf.trial import main; main(told)"
_KILLED: Final = -9
_WHY: Final = ("GGML_ASSERT", "GGML_ABORT", "terminate called", "what():", "fatal error")


def survive(path: Path, identity: str, size: int, *, on_gpu: bool = False, folder: Path | None = None) -> None:
    """Try the file at ``path`` (of several the first), told from others by its ``identity``, of ``size`` bytes. Raises
    :class:`ModelBroken` where llama.cpp ends or hangs over it, :class:`OutOfMemory` where the system kills it; what it
    merely refuses is found when it is opened."""
    passed = _passed(identity, on_gpu, folder)
    if identity and passed.is_file():
        return
    said = _run(path, _LEAST_SECONDS + size / _BYTES_PER_SECOND, on_gpu=on_gpu)
    if said is None:
        return
    if said:
        raise ModelBroken(
            f"llama.cpp {said} while it opened {path}: the file is damaged, or of a kind that it does not handle well. "
            "Fetch it again, update llama-cpp-python, or choose another model."
        )
    if identity:
        try:
            passed.parent.mkdir(parents=True, exist_ok=True)
            passed.touch()
        except OSError as error:
            log.info("Could not remember that a file was tried: %s.", error.strerror)


def _passed(identity: str, on_gpu: bool, folder: Path | None) -> Path:
    name = hashlib.sha256(f"{identity} {version()} {on_gpu}".encode()).hexdigest()[:24]
    return (folder or user_cache_path("kvlsp", appauthor=False) / "measured") / f"opened-{name}"


def _run(path: Path, seconds: float, *, on_gpu: bool) -> str | None:
    """What happened to llama.cpp, empty where it came to an end of its own; None where it was not tried."""
    command = [sys.executable, "-c", _BEGIN, f"{int(on_gpu)}{path.absolute()}", *(one for one in sys.path if one)]
    try:
        with _bond() as life:
            done = subprocess.run(command, stdin=life, capture_output=True, cwd="/", timeout=seconds, check=False,
                                  env={**os.environ, "GGML_NO_BACKTRACE": "1"})
    except subprocess.TimeoutExpired:
        return f"did not finish within {seconds:,.0f} s"
    except OSError as error:
        log.info("The file is not tried in a process of its own: %s.", error.strerror)
        return None
    said, errors = done.stdout.decode("utf-8", "replace").split(), done.stderr.decode("utf-8", "replace")
    log.debug("Trying the file: %s %s", done.returncode, errors)
    if BEGUN not in said or DONE in said:
        return "" if DONE in said else None
    if done.returncode == _KILLED:  # llama.cpp never does that to itself
        raise OutOfMemory(
            f"The system killed llama.cpp while {path} was tried, as it does where memory runs out. {SMALLER}"
        )
    if tells_of_shortage(errors):
        raise OutOfMemory(f"Memory ran out while llama.cpp tried {path} in a process of its own. {SMALLER}")
    why = next((line[line.index(part) :].strip() for line in errors.splitlines() for part in _WHY if part in line), "")
    return f"ended its process ({why[:160]})" if why else f"ended its process (with code {done.returncode})"


@contextmanager
def _bond() -> Iterator[int]:
    """A standard input for another process that ends with this one, however that ends."""
    theirs, ours = os.pipe()
    try:
        yield theirs
    finally:
        os.close(theirs)
        os.close(ours)


def main(told: str) -> None:
    """In the process of its own: ``told`` is whether a GPU is used (0 or 1) and the path."""
    threading.Thread(target=_end_with_the_other, name="kvlsp-bond", daemon=True).start()
    llama()
    print(BEGUN, flush=True)
    try:
        _try(Path(told[1:]), on_gpu=told[0] == "1")
    except Exception as error:  # it is found again, and said, by who asked
        log.debug("%s", type(error).__name__)
    print(DONE, flush=True)
    os._exit(0)


def _end_with_the_other() -> None:
    """Nobody waits for an answer any more when standard input ends, and llama.cpp may hang over the file."""
    with suppress(OSError):
        while os.read(0, 1):
            pass
    os._exit(1)


def _try(path: Path, *, on_gpu: bool) -> None:
    """Open the file and encode a few tokens, move them, take them out and put them back."""
    model = LlamaModel(path, on_gpu=on_gpu)
    model.tokenize("def f(x):\n    return x  # é 漢\n")
    cells = Cells(model, 16, 1, 1, on_gpu=on_gpu)
    batch, rows = Batch(model.api, 8), np.arange(4)
    batch.fill(rows % model.entries, rows, np.zeros(4, np.int64), rows == 3)
    cells.decode(batch)
    cells.logits(1)
    if cells.can_shift:
        cells.shift(0, 2, 4, 3)
    cells.add(cells.saved_of(0), 1)
