"""llama.cpp's public C API, as the package ``llama-cpp-python`` binds it: imported when a GGUF model is asked for.

Nothing above the bindings of that package is used. What llama.cpp says goes to the log at DEBUG.
"""

from __future__ import annotations

import ctypes
import importlib
import logging
import re
import weakref
from collections import deque
from collections.abc import Callable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from kvlsp.errors import ModelBroken, OutOfMemory, UnsupportedModel
from kvlsp.model.limits import tells_of_shortage

log = logging.getLogger(__name__)

Api = Any
"""The module of the bindings, whose types are ctypes'."""

ADVICE: Final = (
    'Models in GGUF files are run by llama.cpp, which is not installed here. Install it with `pip install '
    '"kvlsp[gguf]"` into the environment of kvlsp: it compiles for some minutes and takes a C and C++ compiler (cmake '
    "comes with it)."
)
SMALLER: Final = (
    "Choose a smaller file of the model (Q4_K_M, say) or a smaller model, or close other programs."
)
"""What helps where memory runs out."""

_WHY: Final = "error loading model: "
_failures: deque[str] = deque(maxlen=1)
"""Why llama.cpp could not open the last file that it could not."""
_BUFFER: Final = re.compile(r"(?:compute|output) buffer size *= *([\d.]+) MiB")
_buffers: deque[float] = deque(maxlen=64)
"""MiB of the buffers that llama.cpp has said to have made."""


@cache
def llama() -> Api:
    """The bindings. Raises :class:`UnsupportedModel` with the sentence that tells how to have them."""
    try:
        api = importlib.import_module("llama_cpp.llama_cpp")
    except Exception as error:  # a library that does not fit this machine fails in many ways
        log.debug("llama_cpp cannot be imported.", exc_info=True)
        why = "" if isinstance(error, ModuleNotFoundError) else f" (what is there fails: {error})"
        raise UnsupportedModel(ADVICE + why) from error
    api.llama_log_set(_said(api), ctypes.c_void_p(0))
    api.llama_backend_init()
    return api


@cache
def _said(api: Api) -> Any:
    """The function that llama.cpp tells its log, kept for as long as the library lives."""

    def said(level: int, text: bytes, data: ctypes.c_void_p) -> None:
        line = text.decode("utf-8", "replace").rstrip()
        log.debug("%s", line)
        made = _BUFFER.search(line)
        if made is not None:
            _buffers.append(float(made[1]))
        if _WHY in line:
            _failures.append(line.rpartition(_WHY)[2])

    return api.llama_log_callback(said)


def version() -> str:
    """Of the package, and so of llama.cpp; empty where it does not say."""
    try:
        return metadata.version("llama-cpp-python")
    except metadata.PackageNotFoundError:
        return ""


def buffers_of(make: Callable[[], Any]) -> tuple[Any, int]:
    """What ``make`` returns, and bytes of the buffers that llama.cpp says it made for that: what a context takes beside
    its cells."""
    _buffers.clear()
    made = make()
    return made, int(sum(_buffers) * (1 << 20))


class LlamaModel:
    """An opened file: its handle for llama.cpp, and its vocabulary's. Closed when nobody has it any more."""

    def __init__(self, path: Path, *, vocabulary_only: bool = False, on_gpu: bool = False) -> None:
        self.api = api = llama()
        parameters = api.llama_model_default_params()
        parameters.vocab_only = vocabulary_only
        parameters.n_gpu_layers = 999 if on_gpu else 0
        _failures.clear()
        handle = api.llama_model_load_from_file(str(path).encode(), parameters)
        why = ", ".join(_failures)
        if not handle and tells_of_shortage(why):
            raise OutOfMemory(f"Memory ran out while llama.cpp opened {path} ({why}). {SMALLER}")
        if not handle:
            raise ModelBroken(
                f"llama.cpp cannot open {path} ({why or 'it does not say why'}). Fetch the file again, or update "
                "llama-cpp-python where it is of a newer architecture."
            )
        self.handle = handle
        self.vocabulary = api.llama_model_get_vocab(handle)
        weakref.finalize(self, api.llama_model_free, handle)

    @property
    def entries(self) -> int:
        """Entries of the vocabulary, and rows of the output."""
        return int(self.api.llama_vocab_n_tokens(self.vocabulary))

    def tokenize(self, text: str) -> list[int]:
        """llama.cpp's tokens of a text, in which control tokens are plain text and nothing is added."""
        data = text.encode()
        room = len(data) + 8
        found = (ctypes.c_int32 * room)()
        count = self.api.llama_tokenize(self.vocabulary, data, len(data), found, room, False, False)
        return list(found[: max(0, count)])

    def piece(self, token: int) -> str:
        """An entry as the file writes it; empty where ``token`` is none."""
        if not 0 <= token < self.entries:
            return ""
        return (self.api.llama_vocab_get_text(self.vocabulary, token) or b"").decode("utf-8", "replace")
