"""The rename probe: does the next completion use a name that has just been changed at its definition?

Stale values answer with the old name: of all that a repair can miss, the failure that matters to people. A place
is a parameter, an attribute or a variable, and the first use of it below; before the edit the exact model continues
with the old name there, after it with the new one. Other places say nothing about repair and are left out. Plain
order: there everything below the definition is stale.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random

from kvlsp.cache.choosing import Choice
from kvlsp.cache.worth import worthiest
from kvlsp.laboratory.evaluation.edits_cases import Case, Point
from kvlsp.laboratory.evaluation.edits_policies import Spent, Unrotated, copied, followed, prefilled, refreshed
from kvlsp.laboratory.evaluation.edits_probe import next_name
from kvlsp.laboratory.evaluation.edits_scripts import Script, script
from kvlsp.laboratory.evaluation.edits_versions import Revision
from kvlsp.opening.model import Model
from kvlsp.text.edit import Edit

NEW_NAMES = ("payload", "entry", "target", "handler", "source", "result", "buffer", "options", "index", "message")
MOST_ENCODED = 64
"""Tokens that an edit may encode at most, its own included."""

WITHOUT = 60
"""So many candidates say that a model does not speak of the names that it reads."""

_DEFINITION = re.compile(r"^( *)(?:async )?def \w+\((.*?)\)[^\n]*:$", re.MULTILINE | re.DOTALL)
_PARAMETER = re.compile(r"(?:^|,)\s*([a-z_]\w{2,})\s*(?=[:,=]|$)")
_ASSIGNMENT = re.compile(r"^ +(?:self\.)?([a-z_]\w{2,})(?:: [^=\n]+)? = ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Place:
    """The case has one point: right before the first use."""

    case: Case
    old: str
    new: str


def places(revisions: Iterable[Revision], characters: int, seed: int = 0) -> Iterator[Place]:
    """Candidates in documents of about so many characters, in an order drawn with ``seed``."""
    found = []
    for revision in revisions:
        text = "".join(revision.before)
        for definition in _DEFINITION.finditer(text):
            found += _of_function(revision, text, definition, characters)
    Random(seed).shuffle(found)
    yield from found


def _of_function(revision: Revision, text: str, definition: re.Match[str], characters: int) -> list[Place]:
    """Parameters, and what is assigned in the body, each with the next place below that names it."""
    body = definition.end()
    deeper = re.compile(rf"\n(?! {{{len(definition[1]) + 1}}}|\n)").search(text, body)
    end = deeper.start() if deeper else len(text)
    found = []
    for one in _PARAMETER.finditer(definition[2]):
        found.append((one[1], definition.start(2) + one.start(1), body))
    for one in _ASSIGNMENT.finditer(text, body, end):
        found.append((one[1], one.start(1), one.end()))
    result: list[Place] = []
    for old, start, below in found:
        use = re.compile(rf"(?<![\w\"'`]){old}\b(?!\s*=[^=])").search(text, below, end)
        if use is None or keyword.iskeyword(old) or "#" in text[text.rfind("\n", 0, use.start()) + 1 : use.start()]:
            continue
        # never from inside the head of the function
        top = min(definition.start(), text.rfind("\n", 0, max(0, use.start() - characters)) + 1)
        names = [name for name in NEW_NAMES if name not in text[top:end]]
        if not names or old in text[start + len(old) : use.start()]:
            continue
        new = names[len(result) % len(names)]
        edits = (Edit(start - top, start - top + len(old), new),)
        before = text[top : use.start()].removesuffix(" ")  # tokens take the space before them
        case = Case(f"{revision.package}/{revision.path}", before, edits, (Point("near", 0, old),))
        result.append(Place(case, old, new))
    return result


def probe(model: Model, candidates: Iterable[Place], count: int, *, budget: int = MOST_ENCODED,
          advance: Callable[[], None] = lambda: None) -> dict[str, float]:
    """The share of ``count`` places at which each policy answers with the new name, beside ``places``: fewer where the
    model seldom says a name again, none where :data:`WITHOUT` candidates had none."""
    hits: dict[str, int] = {}
    found = encoded = 0
    for tried, place in enumerate(candidates):
        if found == count or (not found and tried == WITHOUT):
            break
        answers = _answers(model, place, budget)
        if answers is None:
            continue
        names, rows = answers
        found += 1
        encoded = max(encoded, rows)
        for policy, answer in names.items():
            hits[policy] = hits.get(policy, 0) + (answer == place.new)
        advance()
    return {"places": found, "most_encoded": encoded,
            **{policy: round(number / max(1, found), 4) for policy, number in hits.items()}}


def _answers(model: Model, place: Place, budget: int) -> tuple[dict[str, str], int] | None:
    """The identifier that each policy says, or None where the place says nothing; rows encoded by the repair."""
    scripted = script(model, place.case, plain=True)
    decoder, limit = model.decoder, model.decoder.context_length
    exact, _, _ = prefilled(decoder, scripted.start, limit)
    at = scripted.probes[0]
    if next_name(copied(exact), at.before, model.tokenizer) != place.old:
        return None
    full, _, _ = prefilled(decoder, at.layout, limit)
    if next_name(full, at.layout, model.tokenizer) != place.new:
        return None
    spent = Spent()
    own = _own_rows(scripted)
    choose: Choice = worthiest(max(0, budget - own))
    caches = {
        "conflict": followed(copied(exact, Unrotated(decoder)), scripted.steps, None, Spent(), seam=0),
        "pie": followed(copied(exact), scripted.steps, None, Spent(), seam=0),
        "pie_seam": followed(copied(exact), scripted.steps, None, Spent()),
        "pie_repair": followed(copied(exact), scripted.steps, choose, spent),
    }
    caches["refreshed"] = refreshed(copied(caches["pie"]), Spent())
    names = {policy: next_name(cache, at.layout, model.tokenizer) for policy, cache in caches.items()}
    return {"full": place.new, "ignored": place.old, **names}, spent.rows


def _own_rows(scripted: Script) -> int:
    """Rows that the edit itself makes new."""
    known = set(scripted.start.cells.tolist())
    return sum(cell not in known for cell in scripted.steps[-1].cells.tolist())
