"""Does JSON have the shape of a type of the protocol? Sentences for what does not, in the wire's own names.

The protocol's converter makes a string of whatever it meets (null becomes the text "None") and cuts fractions off, so
what does not fit is found before it converts. This module knows the protocol's types and no method; of the
client's values a sentence says the kind, and integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from functools import partial
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin

import attrs
from cattrs import Converter
from lsprotocol import converters, types, validators

from kvlsp.config import camel

_TOLD: Final = 3
"""So many misfits are told; the others are counted."""

_LARGEST: Final = validators.INTEGER_MAX_VALUE


def make_converter() -> Converter:
    """Between JSON that fits and the types of the protocol."""
    converter = converters.get_converter()
    for union, choose in _CHOICES.items():
        converter.register_structure_hook(union, partial(_structure_chosen, converter, choose))
    return converter


def _structure_chosen(converter: Converter, choose: Callable[[Any], Any], value: Any, _union: Any) -> Any:
    return converter.structure(value, choose(value))


def misfits(value: Any, kind: Any) -> str:
    """What in ``value`` does not have the shape of ``kind``, as one clause; empty if all of it has."""
    found = list(_misfits(value, kind, "params", 0))
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


def _misfits(value: Any, kind: Any, path: str, low: int) -> Iterator[str]:
    """``low`` is the least integer that the place takes. A kind that is not known here takes anything."""
    if kind in _CHOICES:
        kind = _CHOICES[kind](value)
    origin = get_origin(kind)
    if attrs.has(kind):
        yield from _misfits_of_object(value, kind, path)
    elif origin in (Union, UnionType):
        yield from _misfits_of_union(value, get_args(kind), path, low)
    elif origin is not None and issubclass(origin, Sequence):
        if not isinstance(value, list):
            yield _must_be("a list", value, path)
        else:
            for number, item in enumerate(value):
                yield from _misfits(item, get_args(kind)[0], f"{path}[{number}]", low)
    elif isinstance(kind, type) and issubclass(kind, Enum):
        known = [member.value for member in kind]
        if isinstance(value, bool) or value not in known:
            names = ", ".join(map(str, known))
            yield f"{path} must be one of {names}, not {'another' if isinstance(value, str) else kind_of(value)}"
    elif kind is str and not isinstance(value, str):
        yield _must_be("a string", value, path)
    elif kind is bool and not isinstance(value, bool):
        yield _must_be("true or false", value, path)
    elif kind is int and not _is_integer(value, low):
        yield _must_be(f"an integer from {low} to {_LARGEST}", value, path)


def _misfits_of_object(value: Any, kind: Any, path: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield _must_be("an object", value, path)
        return
    for field in attrs.fields(kind):
        key = camel(field.name.removesuffix("_"))
        place = f"{path}.{key}"
        needed = field.default is attrs.NOTHING
        if value.get(key) is not None or (needed and key in value):
            yield from _misfits(value[key], field.type, place, _least(field))
        elif needed:
            yield f"{place} is missing"


def _misfits_of_union(value: Any, kinds: Sequence[Any], path: str, low: int) -> Iterator[str]:
    """Those of the kind that is nearest; nothing if one fits."""
    if value is None and NoneType in kinds:
        return
    nearest: list[str] | None = None
    for kind in kinds:
        found = list(_misfits(value, kind, path, low)) if kind is not NoneType else None
        if found is not None and (nearest is None or len(found) <= len(nearest)):
            nearest = found
    yield from nearest or ()


def _is_integer(value: Any, low: int) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return low <= value <= _LARGEST and value == int(value)  # 1.0 is how some write 1


def _least(field: attrs.Attribute[Any]) -> int:
    """The protocol has integers and unsigned ones."""
    validator = getattr(field.validator, "validator", field.validator)  # of an optional one: what it wraps
    return validators.UINTEGER_MIN_VALUE if validator is validators.uinteger_validator else validators.INTEGER_MIN_VALUE


def _must_be(what: str, value: Any, path: str) -> str:
    return f"{path} must be {what}, not {kind_of(value)}"
