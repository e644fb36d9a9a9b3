"""Which settings hold: those of the command line, of ``initializationOptions``, of the editor's configuration since.

A configuration that comes as a whole is read on top of those of the start, so what is deleted from it is gone at once.
Editors give many settings in both places; one that the configuration has named once is the configuration's from then
on, even after it was deleted there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, TypeGuard

from kvlsp.config import Settings
from kvlsp.errors import ConfigurationError


class Configuration:
    """``settings`` hold now. One bad value does not spoil the others: each method returns a sentence for each."""

    def __init__(self, command_line: Settings) -> None:
        self.settings = command_line
        self._command_line = command_line
        self._initial: dict[str, Any] = {}
        """What fits of ``initializationOptions``."""
        self._named: set[str] = set()
        """Keys that a whole configuration has named."""

    def begin(self, options: object) -> list[str]:
        """``initializationOptions``: settings flat or under ``kvlsp``, or anything else."""
        options = options["kvlsp"] if _is_section(options) else options
        self._initial, problems = _fitting(_ours(options))
        self.settings = self._start()
        return problems

    def push(self, pushed: object) -> list[str]:
        """Of ``workspace/didChangeConfiguration``: under ``kvlsp`` the whole configuration; flat a part of it."""
        return self.whole(pushed["kvlsp"]) if _is_section(pushed) else self.part(pushed)

    def whole(self, section: object) -> list[str]:
        """All that the editor has configured; null: nothing. What is not there is as it was at the start. Some clients
        answer with all settings of theirs where they are asked for ours."""
        section = section["kvlsp"] if _is_section(section) else section
        if section == []:  # an empty table, where tables and lists are one
            section = None
        if section is not None and not isinstance(section, Mapping):
            return []
        chosen = _ours(section)
        self._named |= chosen.keys()
        fitting, problems = _fitting(chosen)
        self.settings = Settings.read(fitting, self._start())
        return problems

    def part(self, options: object) -> list[str]:
        """Some settings, the others stay as they are. null: as it was at the start."""
        chosen = _ours(options)
        fitting, problems = _fitting(chosen)
        start = self._start()
        back = {key: value for key, value in start.as_options().items() if key in chosen and chosen[key] is None}
        self.settings = Settings.read({**back, **fitting}, self.settings)
        return problems

    def _start(self) -> Settings:
        """Without the editor's configuration."""
        initial = {key: value for key, value in self._initial.items() if key not in self._named}
        return Settings.read(initial, self._command_line)


def _is_section(options: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(options, Mapping) and "kvlsp" in options


def _ours(options: object) -> dict[str, Any]:
    """What may be settings; some write ``kvlsp.enable`` for each. VS Code's own name for the trace of a server is
    ``kvlsp.trace.server``."""
    if not isinstance(options, Mapping):
        return {}
    named = {str(key).removeprefix("kvlsp."): value for key, value in options.items()}
    if "trace.server" in named:
        named.setdefault("trace", named.pop("trace.server"))
    if isinstance(trace := named.get("trace"), Mapping):
        named["trace"] = trace.get("server")
    if named.get("trace") == "compact":  # of the same libraries: the messages, a line each
        named["trace"] = "messages"
    return named


def _fitting(chosen: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Those that say something (null does not) and fit, and a sentence for each that does not fit."""
    fitting, problems = {}, []
    for key, value in chosen.items():
        if value is None:
            continue
        try:
            Settings.read({key: value})
        except ConfigurationError as error:
            problems.append(str(error))
            if rest := _rest(value):
                with contextlib.suppress(ConfigurationError):
                    Settings.read({key: rest})
                    fitting[key] = rest
        else:
            fitting[key] = value
    return fitting, problems


def _rest(value: object) -> list[str]:
    """What can be taken for a list of strings, one at least, of a value that is none: what somebody wants kept out
    stays out although something else is wrong. As a mapping VS Code's own settings write globs."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        value = [glob for glob, excludes in value.items() if excludes]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list | tuple) else []
