"""Settings: one frozen value, read from the editor's options, checked once.

An editor sends camelCase keys (``initializationOptions`` or ``workspace/didChangeConfiguration``); the command line
uses the same names with dashes. Their names, types, ranges and defaults stand here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from kvlsp.address import Address, is_address
from kvlsp.errors import ConfigurationError

MEBIBYTE = 1 << 20


LEAST_CONTEXT_TOKENS = 512
"""A block of a window, a model's markers, what a cut at the caret may add, and a suggestion of some lines."""

LEAST_CACHE_MIB = 6
"""So many tokens of the default model in float32."""


def _setting(default: Any, about: str, *, low: float | None = None, high: float | None = None,
             least: int | None = None, one_of: tuple[str, ...] = (), address: bool = False) -> Any:
    """``low`` and ``high`` bound a number. With ``least``, ``low`` has a meaning of its own and numbers begin there.
    With ``address``, that of an engine will do beside ``one_of``."""
    return field(default=default,
                 metadata={"about": about, "low": low, "high": high, "least": least, "one_of": one_of,
                           "address": address})


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user can choose. Times are milliseconds, memory is MiB, lengths are tokens or lines as named."""

    enable: bool = _setting(True, "offer completions at all")
    languages: tuple[str, ...] = _setting((), "only these language ids (empty: all)")
    disabled_languages: tuple[str, ...] = _setting((), "never these language ids")
    disabled_files: tuple[str, ...] = _setting((), "globs of files in which nothing is offered, written like lines of "
                                               "a .gitignore")
    automatic: bool = _setting(True, "offer suggestions while typing (off: only when asked)")
    in_comments: bool = _setting(True, "offer suggestions in comments")
    in_strings: bool = _setting(True, "offer suggestions in strings")
    trigger_characters: tuple[str, ...] = _setting(
        (".", "(", "[", "{"), "characters after which an editor without inline completion asks for its list (read at "
                              "the start)")
    model: str = _setting("", "the model: a folder or a GGUF file (written /..., ~/... or ./...), a hub id, or "
                              "ollama:NAME (empty: the default model that comes with kvlsp)")
    device: str = _setting("auto", "where the model runs", one_of=("auto", "cpu", "cuda", "mps"))
    dtype: str = _setting("auto", "precision of weights and cache (auto: the quicker one here; int8 and int4 take less "
                          "memory and are less exact)",
                          one_of=("auto", "float32", "bfloat16", "float16", "int8", "int4"))
    engine: str = _setting("auto", "where the model is: in a process that all your editors share (shared), in this "
                           "editor's daemon (own), or with your team's engine at an address (wss://...), to which "
                           "your text goes then (auto: shared, but own on Windows and where none can be shared; an "
                           "address is read at the start)",
                           one_of=("auto", "own", "shared"), address=True)
    unload_minutes: int = _setting(0, "give the model's memory back after so many minutes without a key, and load it "
                                   "again at the next one (0: never)", low=0, high=10_080)
    order: str = _setting("auto", "order in which the model reads the text before and behind the caret (auto: its own)",
                          one_of=("auto", "prefix_first", "suffix_first", "plain"))
    threads: int = _setting(0, "threads that run the model (0: one fewer than there are cores)", low=0, high=1024)
    max_lines: int = _setting(12, "longest suggestion in lines", low=1, high=200)
    max_tokens: int = _setting(160, "longest suggestion in tokens", low=1, high=2048)
    multi_line: str = _setting("auto", "when a suggestion may span lines", one_of=("auto", "always", "never"))
    candidates: int = _setting(3, "suggestions for an explicit request", low=1, high=5)
    deadline_ms: int = _setting(600, "answer an automatic request within this time", low=20, high=60_000)
    invoked_deadline_ms: int = _setting(2000, "answer an explicit request within this time", low=20, high=120_000)
    idle_ms: int = _setting(150, "quiet time after which the cache is made exact", low=0, high=60_000)
    confidence: float = _setting(0.01, "least chance that the first line of an automatic suggestion is right, as the "
                                 "model sees it (0: offer all)", low=0.0, high=1.0)
    repair_budget: int = _setting(-1, "rows of stale tokens encoded with every edit (-1: measured at load)",
                                  low=-1, high=4096)
    temperature: float = _setting(0.0, "draw tokens at this temperature (0: always the likeliest)", low=0.0, high=2.0)
    penalty: float = _setting(0.9, "grammar penalty per repetition (1: off)", low=0.1, high=1.0)
    ahead: bool = _setting(True, "begin a suggestion when an edit comes, before the editor asks for it")
    next_edit: str = _setting("asked", "propose the next edit: what an edit made wrong elsewhere in the file (on: when "
                              "the keyboard rests; asked: only when asked)", one_of=("on", "off", "asked"))
    next_edit_minimum_gain: float = _setting(1.0, "nats by which a proposed line has to be likelier than the one that "
                                             "stands there", low=0.0, high=100.0)
    next_edit_places: int = _setting(3, "places that are looked at for one next edit at most, the best first", low=1,
                                     high=20)
    drafts: bool = _setting(True, "guess tokens ahead by copying from the open documents (same text, sooner)")
    cache_mib: int = _setting(0, "bound of all resident caches (0: a share of free memory; else 6 or more)",
                              low=0, high=1 << 20, least=LEAST_CACHE_MIB)
    disk_mib: int = _setting(4096, "bound of what is kept of closed documents and of rounded weights in the cache "
                             "folder, so that both are there at once; never more than a quarter of what is free there "
                             "(0: nothing)",
                             low=0, high=1 << 20)
    context_tokens: int = _setting(0, "longest resident window (0: what the model allows; else 512 or more)",
                                   low=0, high=1 << 20, least=LEAST_CONTEXT_TOKENS)
    cross_file: str = _setting("auto", "show the model what suits the caret from other files of the workspace "
                               "(auto: unless it is the default model, which gains too little by it)",
                               one_of=("auto", "always", "never"))
    cross_file_tokens: int = _setting(1024, "longest such context in tokens", low=64, high=1 << 16)
    workspace_memory: str = _setting("auto", "let what stands in other files of the workspace count beside the model; "
                                     "in memory only, at most 32 MiB (auto: with the default model, in Python, "
                                     "JavaScript and TypeScript, unless crossFile is never or the engine is a team's)",
                                     one_of=("auto", "off"))
    exclude: tuple[str, ...] = _setting((), "globs of files that are never read, written like lines of a .gitignore")
    full_prefill: bool = _setting(False, "forget all and prefill at every edit (the oracle; for tests)")
    trace: str = _setting("off", "log level of the daemon", one_of=("off", "messages", "spans", "verbose"))

    @classmethod
    def read(cls, options: Mapping[str, Any] | None, base: Settings | None = None) -> Settings:
        """Settings from an editor's camelCase options, on top of ``base``.

        Unknown keys are ignored (editors send their own beside ours); a known key with a wrong type or an
        impossible value raises :class:`ConfigurationError` that names it.
        """
        chosen: dict[str, Any] = {}
        for field_ in dataclasses.fields(cls):
            key = camel(field_.name)
            if options is not None and key in options and options[key] is not None:
                chosen[field_.name] = _checked(key, options[key], field_)
        return dataclasses.replace(base or cls(), **chosen)

    def as_options(self) -> dict[str, Any]:
        """The same as an editor would name them."""
        return {camel(field_.name): getattr(self, field_.name) for field_ in dataclasses.fields(self)}

    @property
    def reads_workspace(self) -> bool:
        """Whether pieces of other files are wanted beside the document."""
        return self.cross_file == "always" or (self.cross_file == "auto" and bool(self.model))

    @property
    def remembers_workspace(self) -> bool:
        """Whether texts of other files are wanted for the memory of the workspace: for the default model, which alone
        has weights for it, and in no process that others own."""
        return (self.workspace_memory == "auto" and self.cross_file != "never" and not self.model
                and not is_address(self.engine))

    @property
    def names_model(self) -> tuple[str | int, ...]:
        """What a model is loaded for: where it changes, another load begins."""
        return self.model, self.device, self.dtype, self.order, self.threads

    def serves(self, language: str) -> bool:
        """Whether completions are wanted in documents of this language id, however it is written (``Python``)."""
        named = language.casefold()
        if not self.enable or named in map(str.casefold, self.disabled_languages):
            return False
        return not self.languages or named in map(str.casefold, self.languages)


Trigger = Literal["automatic", "invoked"]


def camel(name: str) -> str:
    """``deadline_ms`` -> ``deadlineMs``: the name of a setting in an editor."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


_BEYOND: Final = 1 << 64
"""No setting's range reaches so far."""

_KINDS: Final = {bool: "true or false", int: "a whole number", float: "a number", str: "a string"}


def _checked(key: str, value: Any, field_: dataclasses.Field[Any]) -> Any:
    about, default = field_.metadata["about"], field_.default
    low, high, least, one_of = (field_.metadata[name] for name in ("low", "high", "least", "one_of"))
    wanted = type(default)
    if wanted is tuple:
        if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise ConfigurationError(f"kvlsp.{key} ({about}) must be a list of strings.")
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(max(-_BEYOND, min(value, _BEYOND)))  # a number of 400 digits is none that fits a float
    if wanted is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not wanted:
        raise ConfigurationError(f"kvlsp.{key} ({about}) must be {_KINDS[wanted]}.")
    if field_.metadata["address"] and is_address(str(value)):
        return Address.read(str(value)).text
    if one_of and value not in one_of:
        raise ConfigurationError(f"kvlsp.{key} ({about}) must be one of {', '.join(one_of)}.")
    if low is not None and not low <= value <= high:  # so that NaN, which is not beyond anything, does not pass
        raise ConfigurationError(f"kvlsp.{key} ({about}) must be between {low} and {high}.")
    if least is not None and low < value < least:
        raise ConfigurationError(f"kvlsp.{key} ({about}) must be {low}, or between {least} and {high}: with less there "
                                 "is no room for a single completion.")
    return value
