"""How far a pre-tokenizer's pattern reads beyond the end of a match.

Patterns read from left to right, and most decide where a match ends by looking at the next character. Some read on: a
pattern for cased words (``[A-Z]*[a-z]+``) reads a whole run of capitals before it knows whether they begin a word. To
know where an edit cannot have changed what stands before it, one must know those runs. This is a reading of the forms
that tokenizers use; what it does not understand it says so, and then a text is cut at hard boundaries only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tokenizers import Regex, pre_tokenizers

_ESCAPE = r"\\(?:[pP]\{\^?\w+\}|x\{[0-9A-Fa-f]+\}|u[0-9A-Fa-f]{4}|.)"
_ATOM = re.compile(rf"{_ESCAPE}|[^\\\[\](){{}}|*+?^$]", re.DOTALL)
_QUANTIFIER = re.compile(r"([?*+])[+]?|\{(\d*)(,?)(\d*)\}\+?")
_SPACES_ONLY = re.compile(r"\[?(?:\\[srnt]| |\n|\r|\t)+\]?")


@dataclass(frozen=True, slots=True)
class Reading:
    """``margin`` characters beyond a match's end, or on to the next character that is none of a run's, decide it.

    Each of ``runs`` is a class of characters of which the pattern may read a run of any length, as the ASCII characters
    that end it. White space is such a run always, and not named here.
    """

    margin: int
    runs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Item:
    """``text`` least to most times (None: any number); ``most`` counts characters. An assertion has none."""

    text: str
    least: int
    most: int | None
    assertion: bool = False


class _Unknown(Exception):
    """A form that is not understood."""


def read(pattern: str) -> Reading | None:
    """How far ``pattern`` reads, or None where that is not known."""
    try:
        alternatives = [_items(one) for one in _alternatives(pattern)]
    except (_Unknown, RecursionError):
        return None
    margin, runs = 3, []
    for items in alternatives:
        margin = max(margin, 1 + sum(item.most for item in items if item.most is not None))
        run = _run(items)
        if run is not None and not all(map(_SPACES_ONLY.fullmatch, run)):
            enders = _outside(run)
            if enders is None or not enders:
                return None
            runs.append(enders)
    return Reading(margin, tuple(dict.fromkeys(runs)))


def _run(items: list[_Item]) -> list[str] | None:
    """The classes of which an alternative may read a run before it has decided, or None.

    What stands behind the last thing that must be there is taken as far as it goes: nothing is read twice. An
    unbounded item before it is read whole first, and the match may end far before that.
    """
    musts = [index for index, item in enumerate(items) if item.least or item.assertion]
    if not musts:
        return None
    last = musts[-1]
    unbounded = [item.text for item in items[:last] if item.most is None]
    if not unbounded:
        return None
    return unbounded + [item.text for item in items[last : last + 1] if item.most is None]


def _outside(classes: list[str]) -> str | None:
    """The ASCII characters in none of the classes; None where the library does not take them."""
    try:
        inside = pre_tokenizers.Split(Regex("|".join(classes)), "removed")
        return "".join(chr(n) for n in range(128) if inside.pre_tokenize_str(chr(n)))
    except Exception:  # the library raises bare Exception
        return None


def _alternatives(pattern: str) -> list[str]:
    """Split at the bars that stand in no group and no class."""
    found, start, place = [], 0, 0
    while place < len(pattern):
        if pattern[place] == "|":
            found.append(pattern[start:place])
            start = place = place + 1
        else:
            place = _end_of_atom(pattern, place)
    return [*found, pattern[start:]]


def _end_of_atom(pattern: str, place: int) -> int:
    """Behind the atom (or quantifier, or anchor) that begins at ``place``."""
    character = pattern[place]
    if character in "[(":
        closing, depth = {"[": "]", "(": ")"}[character], 0
        while place < len(pattern):
            one = pattern[place]
            if one == "\\":
                place += 1
            elif character == "(" and one == "[":
                place = _end_of_atom(pattern, place) - 1
            elif one == character:
                depth += 1
            elif one == closing:
                depth -= 1
                if not depth:
                    return place + 1
            place += 1
        raise _Unknown
    found = re.compile(_ESCAPE, re.DOTALL).match(pattern, place)
    return found.end() if found else place + 1


def _items(alternative: str) -> list[_Item]:
    items, place = [], 0
    while place < len(alternative):
        end = _end_of_atom(alternative, place)
        atom = alternative[place:end]
        quantifier = _QUANTIFIER.match(alternative, end)
        least, most = _times(quantifier)
        place = quantifier.end() if quantifier else end
        if place < len(alternative) and alternative[place] == "?" and quantifier:
            raise _Unknown  # as few as possible
        items.append(_item(atom, least, most, quantified=quantifier is not None))
    return items


def _item(atom: str, least: int, most: int | None, *, quantified: bool) -> _Item:
    if atom.startswith(("(?!", "(?=")):
        seen = _items(atom[3:-1])
        if quantified or len(seen) != 1 or seen[0].most != 1:
            raise _Unknown
        return _Item(atom, 0, 1, assertion=True)
    if atom.startswith("("):
        opening = re.match(r"\((?:\?[imsx]*:)?", atom)
        inside = atom[opening.end() if opening else 1 : -1]
        if inside.startswith("?"):
            raise _Unknown
        widths = [[item.most for item in _items(one)] for one in _alternatives(inside)]
        longest = max(sum(width or 0 for width in one) for one in widths)
        if any(None in one for one in widths) or most is None:
            if longest == 1 and all(one == [1] for one in widths):  # a choice of single characters is a class
                return _Item(f"(?:{inside})", least, most)
            raise _Unknown
        return _Item(atom, least, most * longest)
    if atom.startswith("[") or _ATOM.fullmatch(atom):
        return _Item(atom, least, most)
    raise _Unknown


def _times(quantifier: re.Match[str] | None) -> tuple[int, int | None]:
    if quantifier is None:
        return 1, 1
    if quantifier[1]:
        return {"?": (0, 1), "*": (0, None), "+": (1, None)}[quantifier[1]]
    least = int(quantifier[2] or 0)
    if not quantifier[3]:
        return least, least
    return least, int(quantifier[4]) if quantifier[4] else None
