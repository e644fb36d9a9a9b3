"""What the daemon writes, held against the whole protocol as lsprotocol has it.

Reading a message with its types and writing it again must give the same: a field that the protocol does not have is
lost on the way, a value of another kind becomes one that fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from cattrs import Converter
from lsprotocol import converters, types

PROGRESS = {"begin": types.WorkDoneProgressBegin, "report": types.WorkDoneProgressReport,
            "end": types.WorkDoneProgressEnd}


def assert_fits(message: Mapping[str, Any], asked: str | None = None) -> None:
    """A request, a notification, or the answer to the method ``asked``; methods of our own are not looked at."""
    method = message.get("method", asked)
    if method not in types.METHOD_TO_TYPES:
        return
    request, response, *_ = types.METHOD_TO_TYPES[method]
    kind = request if "method" in message else types.ResponseErrorMessage if "error" in message else response
    _assert_same(message, kind)
    if method == types.PROGRESS:
        value = message["params"]["value"]
        _assert_same(value, PROGRESS[value["kind"]])


def _assert_same(value: Any, kind: Any) -> None:
    again = _converter().unstructure(_converter().structure(value, kind), kind)
    assert _without_null(again) == _without_null(value)


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_null(item) for key, item in value.items() if item is not None}
    return [_without_null(item) for item in value] if isinstance(value, list | tuple) else value


@cache
def _converter() -> Converter:
    return converters.get_converter()
