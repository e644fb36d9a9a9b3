"""JSON into the types of the protocol; sentences for what does not have their shape, in the wire's own names.

msgspec converts, and looks at every value of every message; what it says of a misfit is for programmers, and of the
first one only. So a message that does not fit is looked at again here: what can mean one thing only is taken for that
(1.0 for 1, an empty object for an empty list, a number beyond all for the largest), of all else people are told. Of the
client's values a sentence says the kind, and integers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, Final

import msgspec
from msgspec import inspect

from kvlsp.server import lsp

Check = Callable[[Any, str, list[str]], Any]
"""Of a value at a path: what it means; adds what is wrong with it."""

_TOLD: Final = 3
"""So many misfits are told; the others are counted."""

_PLAIN: Final = {inspect.StrType: (str, "a string"), inspect.BoolType: (bool, "true or false")}


class Misfit(Exception):
    """A value does not have the shape of its type: one clause that says where, and what should be there."""


def shaped(value: Any, kind: type[msgspec.Struct]) -> Any:
    """The value in terms of its type; raises :class:`Misfit`."""
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        found: list[str] = []
        meant = _check_of(kind)(value, "params", found)
        if not found and isinstance(error, msgspec.ValidationError):
            return msgspec.convert(meant, kind)
        more = f" (and {len(found) - _TOLD} more)" if len(found) > _TOLD else ""
        raise Misfit("; ".join(found[:_TOLD]) + more or "they are nested too deeply") from None


def whole(value: object) -> int | None:
    """The integer that a value of JSON is: 1.0 is how some write 1. None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if isinstance(value, int) or value.is_integer() else None


def kind_of(value: Any) -> str:
    """What kind of JSON value this is, in words."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if abs(value) <= lsp.LARGEST else "one of so many digits"
        case float():
            return "a number with a fraction"
        case str():
            return "a string"
        case list():
            return "a list"
    return "an object"


@cache
def _check_of(kind: type[msgspec.Struct]) -> Check:
    return _check(inspect.type_info(kind))


def _check(kind: inspect.Type) -> Check:
    """A type that is not known here takes anything."""
    match kind:
        case inspect.StructType(fields=fields):
            return partial(_check_object, [(field.encode_name, field.required, _check(field.type)) for field in fields])
        case inspect.UnionType(types=members):  # the types that are read have none but with null
            [member] = [member for member in members if not isinstance(member, inspect.NoneType)]
            return partial(_check_optional, _check(member))
        case inspect.ListType(item_type=item):
            return partial(_check_list, _check(item))
        case inspect.LiteralType(values=values):
            return partial(_check_literal, values)
        case inspect.IntType(ge=int(low), le=int(high)):
            return partial(_check_integer, low, high)
        case inspect.StrType() | inspect.BoolType():
            return partial(_check_plain, *_PLAIN[type(kind)])
    return lambda value, path, found: value


def _check_object(fields: Sequence[tuple[str, bool, Check]], value: Any, path: str, found: list[str]) -> Any:
    """Fields that are not known here do not matter."""
    if not isinstance(value, dict):
        return _misfit("an object", value, path, found)
    meant = {}
    for key, needed, check in fields:
        if key in value:
            meant[key] = check(value[key], f"{path}.{key}", found)
        elif needed:
            found.append(f"{path}.{key} is missing")
    return meant


def _check_optional(check: Check, value: Any, path: str, found: list[str]) -> Any:
    return None if value is None else check(value, path, found)


def _check_list(check: Check, value: Any, path: str, found: list[str]) -> Any:
    if value == {}:  # encoders of languages with one kind of table for both cannot tell
        return []
    if not isinstance(value, list):
        return _misfit("a list", value, path, found)
    return [check(item, f"{path}[{number}]", found) for number, item in enumerate(value)]


def _check_literal(known: Sequence[Any], value: Any, path: str, found: list[str]) -> Any:
    if value not in known:
        names = ", ".join(map(str, known))
        found.append(f"{path} must be one of {names}, not {'another' if isinstance(value, str) else kind_of(value)}")
    return value


def _check_integer(low: int, high: int, value: Any, path: str, found: list[str]) -> Any:
    number = whole(value)
    if number is not None and number > high == lsp.LARGEST_EXACT:
        return high
    if number is None or not low <= number <= high:
        return _misfit(f"an integer from {low} to {high}", value, path, found)
    return number


def _check_plain(kind: type, name: str, value: Any, path: str, found: list[str]) -> Any:
    return value if isinstance(value, kind) else _misfit(name, value, path, found)


def _misfit(what: str, value: Any, path: str, found: list[str]) -> None:
    found.append(f"{path} must be {what}, not {kind_of(value)}")
