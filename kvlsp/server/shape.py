"""Does JSON have the shape of a type of the protocol? Sentences for what does not, in the wire's own names.

The protocol's converter makes a string of whatever it meets (null becomes the text "None") and cuts fractions off, so
what does not fit is found before it converts. This module knows the protocol's types and no method; of the
client's values a sentence says the kind, and integers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import cache, partial
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin

import attrs
from cattrs import Converter
from lsprotocol import converters, types, validators

from kvlsp.config import camel

Check = Callable[[Any, str, list[str]], None]
"""Of a value at a path: adds what is wrong with it. Made once for each kind, as every keystroke is checked."""

_TOLD: Final = 3
"""So many misfits are told; the others are counted."""

_PLAIN: Final[Mapping[Any, str]] = {str: "a string", bool: "true or false"}

_TRIGGERS: Final = (types.InlineCompletionTriggerKind, types.CompletionTriggerKind)
"""Kinds of which some clients count the first, by hand, from 0 as drafts of the protocol did."""

_LARGEST: Final = validators.INTEGER_MAX_VALUE


def make_converter() -> Converter:
    """Between JSON that fits and the types of the protocol."""
    converter = converters.get_converter()
    for union, choose in _CHOICES.items():
        converter.register_structure_hook(union, partial(_structure_chosen, converter, choose))
    for kind in _TRIGGERS:
        converter.register_structure_hook(kind, lambda value, kind: kind(value or 1))
    return converter


def _structure_chosen(converter: Converter, choose: Callable[[Any], Any], value: Any, _union: Any) -> Any:
    return converter.structure(value, choose(value))


def whole(value: object) -> int | None:
    """The integer that a value of JSON is: 1.0 is how some write 1. None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if isinstance(value, int) or value.is_integer() else None


def misfits(value: Any, kind: Any) -> str:
    """What in ``value`` does not have the shape of ``kind``, as one clause; empty if all of it has."""
    found: list[str] = []
    _check_of(kind, 0)(value, "params", found)
    more = f" (and {len(found) - _TOLD} more)" if len(found) > _TOLD else ""
    return "; ".join(found[:_TOLD]) + more


def kind_of(value: Any) -> str:
    """What kind of JSON value this is, in words."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if abs(value) <= _LARGEST else "one of so many digits"
        case float():
            return "a number with a fraction"
        case str():
            return "a string"
        case list():
            return "a list"
    return "an object"


def _content_change(value: Any) -> Any:
    """Some clients send the whole text with ``range: null``."""
    ranged = isinstance(value, Mapping) and value.get("range") is not None
    return types.TextDocumentContentChangePartial if ranged else types.TextDocumentContentChangeWholeDocument


_CHOICES: Final[Mapping[Any, Callable[[Any], Any]]] = {
    types.TextDocumentContentChangePartial | types.TextDocumentContentChangeWholeDocument: _content_change}
"""Unions of objects, and which of them a value is meant to be."""


@cache
def _check_of(kind: Any, low: int) -> Check:
    """``low`` is the least integer that the place takes. A kind that is not known here takes anything."""
    origin = get_origin(kind)
    if kind in _CHOICES:
        return partial(_check_choice, _CHOICES[kind])
    if attrs.has(kind):
        return _object(kind)
    if origin in (Union, UnionType):
        members = [_check_of(member, low) for member in get_args(kind) if member is not NoneType]
        return partial(_check_union, members, NoneType in get_args(kind))
    if origin is not None and issubclass(origin, Sequence):
        return partial(_check_list, _check_of(get_args(kind)[0], low))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return partial(_check_enumeration, [member.value for member in kind], kind in _TRIGGERS)
    if kind is int:
        return partial(_check_integer, low)
    if kind in _PLAIN:
        return partial(_check_plain, kind, _PLAIN[kind])
    return lambda value, path, found: None


def _object(kind: Any) -> Check:
    """The fields are looked at when the first object comes: some kinds hold themselves."""
    fields: list[tuple[str, bool, Check]] = []

    def check(value: Any, path: str, found: list[str]) -> None:
        if not isinstance(value, dict):
            found.append(_must_be("an object", value, path))
            return
        if not fields:
            fields.extend((camel(field.name.removesuffix("_")), field.default is attrs.NOTHING,
                           _check_of(field.type, _least(field))) for field in attrs.fields(kind))
        for key, needed, check_field in fields:
            if value.get(key) is not None or (needed and key in value):
                check_field(value[key], f"{path}.{key}", found)
            elif needed:
                found.append(f"{path}.{key} is missing")

    return check


def _check_choice(choose: Callable[[Any], Any], value: Any, path: str, found: list[str]) -> None:
    _check_of(choose(value), 0)(value, path, found)


def _check_union(members: Sequence[Check], optional: bool, value: Any, path: str, found: list[str]) -> None:
    """Tells the misfits of the kind that is nearest; none if one fits."""
    if optional and value is None:
        return
    nearest: list[str] | None = None
    for check in members:
        wrong: list[str] = []
        check(value, path, wrong)
        if not wrong:
            return
        if nearest is None or len(wrong) <= len(nearest):
            nearest = wrong
    found.extend(nearest or ())


def _check_list(check: Check, value: Any, path: str, found: list[str]) -> None:
    if not isinstance(value, list):
        found.append(_must_be("a list", value, path))
        return
    for number, item in enumerate(value):
        check(item, f"{path}[{number}]", found)


def _check_enumeration(known: Sequence[Any], from_0: bool, value: Any, path: str, found: list[str]) -> None:
    if isinstance(value, bool) or (value not in known and not (from_0 and value == 0)):
        names = ", ".join(map(str, known))
        found.append(f"{path} must be one of {names}, not {'another' if isinstance(value, str) else kind_of(value)}")


def _check_integer(low: int, value: Any, path: str, found: list[str]) -> None:
    if not _is_integer(value, low):
        found.append(_must_be(f"an integer from {low} to {_LARGEST}", value, path))


def _check_plain(kind: type, name: str, value: Any, path: str, found: list[str]) -> None:
    if not isinstance(value, kind):
        found.append(_must_be(name, value, path))


def _is_integer(value: Any, low: int) -> bool:
    number = whole(value)
    return number is not None and low <= number <= _LARGEST


def _least(field: attrs.Attribute[Any]) -> int:
    """The protocol has integers and unsigned ones."""
    validator = getattr(field.validator, "validator", field.validator)  # of an optional one: what it wraps
    return validators.UINTEGER_MIN_VALUE if validator is validators.uinteger_validator else validators.INTEGER_MIN_VALUE


def _must_be(what: str, value: Any, path: str) -> str:
    return f"{path} must be {what}, not {kind_of(value)}"
