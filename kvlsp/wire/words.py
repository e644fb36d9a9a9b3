"""Texts and open mappings as bytes, and back. What cannot be read is a :class:`WireError`, without its content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kvlsp.config import Settings
from kvlsp.errors import ConfigurationError, WireError


def to_bytes(text: str) -> bytes:
    """UTF-8, with the lone surrogates that editors send."""
    return text.encode("utf-8", "surrogatepass")


def to_text(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise WireError("A text came that is not UTF-8.") from error


def to_values(mapping: Mapping[str, Any]) -> bytes:
    """JSON in ASCII. Numbers of numpy become plain ones, whatever else JSON does not know becomes a string."""
    return json.dumps(mapping, default=_plain).encode("ascii")


def to_mapping(data: bytes) -> dict[str, Any]:
    try:
        mapping = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise WireError("Values came that are not JSON.") from error
    if not isinstance(mapping, dict):
        raise WireError("Values came that are not a JSON object.")
    return mapping


def to_settings(data: bytes) -> Settings:
    try:
        return Settings.read(to_mapping(data))
    except ConfigurationError as error:
        raise WireError(f"Settings came that do not hold: {error}") from error


def of_settings(settings: Settings) -> bytes:
    return to_values(settings.as_options())


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        return value.item()
    return list(value) if isinstance(value, set | frozenset) else str(value)
