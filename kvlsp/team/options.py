"""What the operator of a team's engine can choose, as words of a command line or of a config file of Ray Serve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kvlsp.config import Settings
from kvlsp.errors import ConfigurationError

CLIENTS: Final = 64

_SETTINGS: Final = {"model": str, "device": str, "dtype": str, "order": str, "threads": int, "cacheMib": int,
                    "contextTokens": int}


@dataclass(frozen=True, slots=True)
class Options:
    """``settings`` as an editor names them, ``clients`` of one replica at most, ``least`` and ``most`` replicas;
    processors and GPUs are those that Ray reserves for a replica. ``tokens`` "": whoever connects may."""

    settings: Mapping[str, Any]
    tokens: str = ""
    least: int = 1
    most: int = 1
    clients: int = CLIENTS
    cpus: float = 1.0
    gpus: float = 0.0

    @classmethod
    def read(cls, arguments: Mapping[str, Any]) -> Options:
        """:class:`ConfigurationError` names what does not hold."""
        known = {*_SETTINGS, "tokens", "replicas", "clients", "cpus", "gpus"}
        if unknown := sorted(set(arguments) - known):
            raise ConfigurationError(f"{unknown[0]} is not an option of a team's engine; there are "
                                     f"{', '.join(sorted(known))}.")
        settings = {name: _read(name, kind, arguments[name]) for name, kind in _SETTINGS.items() if name in arguments}
        Settings.read(settings)
        least, _, most = str(arguments.get("replicas", 1)).partition("-")
        options = cls(
            settings, str(arguments.get("tokens", "")), _read("replicas", int, least),
            _read("replicas", int, most or least), _read("clients", int, arguments.get("clients", CLIENTS)),
            _read("cpus", float, arguments.get("cpus", 1.0)), _read("gpus", float, arguments.get("gpus", 0.0)))
        if not (1 <= options.least <= options.most and options.clients >= 1 and options.cpus >= 0 <= options.gpus):
            raise ConfigurationError("replicas must be a number of 1 or more, or two with a hyphen between them (1-4); "
                                     "clients must be 1 or more, cpus and gpus 0 or more.")
        return options


def _read(name: str, kind: type, value: Any) -> Any:
    try:
        return kind(value)
    except (TypeError, ValueError) as error:
        what = "text" if kind is str else "number"
        raise ConfigurationError(f"{name} of a team's engine must be a {what}.") from error
