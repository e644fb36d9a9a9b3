"""Writes the settings of kvlsp/config.py into package.json, so that both name the same ones.

    python editors/vscode/settings.py

A test compares them. What is VS Code's own (the command line of the daemon) is named here.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from kvlsp.config import Settings, camel

PACKAGE = Path(__file__).with_name("package.json")

MACHINE = {"model", "device", "dtype", "threads", "cache_mib", "disk_mib", "context_tokens",
           "full_prefill", "unload_minutes"}
"""Settings that say something about the machine: a workspace may override them only when it is trusted."""

USERS = {"engine"}
"""Settings that no workspace overrides: where texts are sent to."""

OWN: dict[str, Any] = {
    "kvlsp.server.command": {
        "type": "array", "items": {"type": "string"}, "default": [], "scope": "machine-overridable",
        "markdownDescription": "command line of the daemon, for instance `[\"/path/to/kvlsp\", \"serve\"]` "
                               "(empty: it is looked for)",
    },
}


def configuration() -> dict[str, Any]:
    """The properties of `contributes.configuration`."""
    properties = dict(OWN)
    for field in dataclasses.fields(Settings):
        # VS Code's language clients call their trace setting so.
        name = "trace.server" if field.name == "trace" else camel(field.name)
        properties[f"kvlsp.{name}"] = _property(field)
    return properties


def _property(field: dataclasses.Field[Any]) -> dict[str, Any]:
    default, about = field.default, field.metadata
    written: dict[str, Any] = {"description": about["about"]}
    if isinstance(default, tuple):
        written |= {"type": "array", "items": {"type": "string"}, "default": list(default)}
    else:
        kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
        written |= {"type": kinds[type(default)], "default": default}
    if about["one_of"] and not about["address"]:
        written["enum"] = list(about["one_of"])
    for bound, name in (("low", "minimum"), ("high", "maximum")):
        if about[bound] is not None:
            written[name] = about[bound]
    written["scope"] = ("machine" if field.name in USERS else
                        "machine-overridable" if field.name in MACHINE else "window")
    return written


if __name__ == "__main__":
    package = json.loads(PACKAGE.read_text(encoding="utf-8"))
    package["contributes"]["configuration"] = {"title": "kvlsp", "properties": configuration()}
    PACKAGE.write_text(json.dumps(package, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
