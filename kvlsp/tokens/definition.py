"""What a tokenizer.json says, made fit for documents.

A document's text is plain text: control tokens that it happens to spell are ordinary characters, nothing is
added at its ends, and only the start of the document gets what some tokenizers put before a text (a dummy
space). So two definitions are derived: ``initial`` for text from the document's start, and ``continuation``
for all other text.

This module reads the JSON; it encodes nothing.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from kvlsp.errors import TokenizerError
from kvlsp.tokens.acting import FORMS, acting
from kvlsp.tokens.boundaries import Boundaries, Nowhere, OutsideVocabulary, SpaceAfterWord
from kvlsp.tokens.control import is_control
from kvlsp.tokens.pattern import Reading
from kvlsp.tokens.pattern import read as read_pattern
from kvlsp.tokens.reach import Reach

Kind = Literal["byte-level", "sentencepiece"]
Json = dict[str, Any]

_LOOKS_BACK = re.compile(r"\(\?<|\\[bBAG]|(?:^|[(|])\^")
"""What in a pattern depends on text before a match: look-behind, word borders, the text's start."""
_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")
SPACE_MARK = "\u2581"
BYTE_LEVEL_SPACES = {" ": "\u0120", "\t": "\u0109", "\n": "\u010a", "\r": "\u010d"}
"""How byte-level vocabularies write the four spaces (the byte-to-character table of GPT-2)."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A tokenizer as documents need it."""

    model: Json | None
    """The model's description where it must differ from the file's; None where the file's own serves."""
    added: list[Json]
    """Added tokens that are text."""
    initial: tuple[Json | None, Json | None]
    """(normaliser, pre-tokenizer) for text that begins a document."""
    continuation: tuple[Json | None, Json | None]
    """The same without the text-initial rules."""
    vocabulary: dict[str, int]
    """Entries that text can become, as the file writes them."""
    control: dict[str, int]
    """Control tokens by their text."""
    kind: Kind
    boundaries: Boundaries
    pairs_are_exact: bool
    """The boundaries are those of the vocabulary itself, without a pre-tokenizer."""
    reach: Reach | None
    """How far back a change is felt; None where tokenizing cannot begin at a pre-token's start."""


def read(text: str, rows: int | None = None, named: Collection[str] = ()) -> Definition:
    """A definition from the content of a tokenizer.json; :class:`TokenizerError` says what cannot be used.

    ``rows`` is how many rows the model's embedding has, ``named`` are control tokens that other files name.
    """
    try:
        file = json.loads(text)
        model = file["model"]
        vocabulary: dict[str, int] = dict(model["vocab"])
    except (ValueError, KeyError, TypeError) as error:
        raise TokenizerError(
            "The tokenizer file is not a complete tokenizer.json (it may be cut off). Fetch the model again."
        ) from error
    _refuse(model)
    # the library takes an added token's id from the vocabulary where that has one
    added = [
        {**entry, "id": vocabulary.get(entry["content"], int(entry["id"]))} for entry in file.get("added_tokens") or []
    ]
    control = {entry["content"]: entry["id"] for entry in added if is_control(entry, named)}
    texts = [entry for entry in added if entry["content"] not in control and entry["content"]]
    vocabulary = {entry: number for entry, number in vocabulary.items() if entry not in control}
    if rows is not None:  # what the model has no row for it can neither read nor say
        control = {name: number for name, number in control.items() if number < rows}
        texts = [entry for entry in texts if entry["id"] < rows]
        _refuse_beyond(vocabulary, rows, {entry["content"] for entry in added})
        vocabulary = {entry: number for entry, number in vocabulary.items() if number < rows}
    kind = _kind(file)
    changed = _changed(model, {entry["content"] for entry in added if entry not in texts}, texts)
    initial = file.get("normalizer"), file.get("pre_tokenizer")
    continuation = _without_initial_rules(*initial)
    exact = kind == "sentencepiece" and _merges_decide_alone(model, *continuation)
    sound = _added_are_plain(texts, prepends=continuation != initial)
    boundaries: Boundaries = Nowhere()
    entries = [*vocabulary, *(entry["content"] for entry in texts)]
    if sound and exact:
        boundaries = OutsideVocabulary((one for one in entries if not _BYTE_TOKEN.fullmatch(one)), SPACE_MARK)
    elif sound and _normaliser_is_known(continuation[0]):
        boundaries = SpaceAfterWord(_free_pairs(entries, kind))
    resumes = sound and _normaliser_is_known(continuation[0]) and not (exact and not texts)
    return Definition(
        model=changed,
        added=texts,
        initial=initial,
        continuation=continuation,
        vocabulary=vocabulary,
        control=control,
        kind=kind,
        boundaries=boundaries,
        pairs_are_exact=exact and sound,
        reach=_reach(*continuation, texts) if resumes else None,
    )


def _refuse(model: Json) -> None:
    if model.get("type", "BPE") != "BPE":
        raise TokenizerError(
            f"The tokenizer is of type {model.get('type')}; kvlsp knows byte-pair encoding (BPE) only. "
            "Choose another model."
        )
    if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        raise TokenizerError(
            "The tokenizer marks parts of words with a prefix or suffix, which no code model does; kvlsp "
            "cannot turn such tokens back into text. Choose another model."
        )


def _refuse_beyond(vocabulary: dict[str, int], rows: int, added: set[str]) -> None:
    beyond = [number for entry, number in vocabulary.items() if number >= rows and entry not in added]
    if beyond:
        raise TokenizerError(
            f"The tokenizer makes tokens up to {max(beyond):,}, the model knows {rows:,}: they do not belong together. "
            "Fetch the model again, or name a folder with a tokenizer of its own."
        )


def byte_of(entry: str) -> int | None:
    """The byte that a SentencePiece entry like ``<0x0A>`` stands for, or None."""
    found = _BYTE_TOKEN.fullmatch(entry)
    return int(found[1], 16) if found else None


def _parts(node: Json | None) -> Iterator[Json]:
    """The steps of a normaliser, pre-tokenizer or decoder, sequences unfolded."""
    if node is None:
        return
    if node.get("type") == "Sequence":
        for key in ("normalizers", "pretokenizers", "decoders"):
            for part in node.get(key) or []:
                yield from _parts(part)
    else:
        yield node


def _kind(file: Json) -> Kind:
    steps = [step for key in ("pre_tokenizer", "decoder", "normalizer") for step in _parts(file.get(key))]
    if any(step.get("type") == "ByteLevel" for step in steps):
        return "byte-level"
    if file["model"].get("byte_fallback") or any(step.get("type") == "Metaspace" for step in steps):
        return "sentencepiece"
    raise TokenizerError(
        "The tokenizer is neither byte-level nor SentencePiece-style, so it cannot represent every text. "
        "Choose another model."
    )


def _changed(model: Json, unwanted: set[str], texts: list[Json]) -> Json | None:
    """The model without what a text must not become and with ids for all of ``texts``, or None if it is so already.

    Added tokens that the vocabulary lacks get the next free ids from the library, whatever the file says: once a
    control token before them is left out, those would be others.
    """
    changes: Json = {}
    if model.get("dropout") is not None:
        changes["dropout"] = None
    vocabulary = dict(model["vocab"])
    if model.get("ignore_merges"):  # the vocabulary is asked for whole words before merging
        merges = (merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"])
        needed = {part for merge in merges for part in merge} | {model.get("unk_token")}
        for entry in unwanted - needed:
            vocabulary.pop(entry, None)
    for added in texts:
        vocabulary.setdefault(added["content"], added["id"])
    if vocabulary != model["vocab"]:
        changes["vocab"] = vocabulary
    return {**model, **changes} if changes else None


def _added_are_plain(texts: list[Json], prepends: bool) -> bool:
    """Whether added tokens of text are found by their characters alone, and a text's beginning is the document's."""
    return not texts or not (prepends or any(entry.get("single_word") for entry in texts))


def _without_initial_rules(normalizer: Json | None, pre_tokenizer: Json | None) -> tuple[Json | None, Json | None]:
    """The same steps for text that does not begin a document."""
    plain = copy.deepcopy(pre_tokenizer)
    for step in _parts(plain):
        if step.get("type") == "Metaspace":
            if "prepend_scheme" in step:
                step["prepend_scheme"] = "never"
            if "add_prefix_space" in step:
                step["add_prefix_space"] = False
        elif step.get("type") == "ByteLevel":
            step["add_prefix_space"] = False
    return _without_prepend(copy.deepcopy(normalizer)), plain


def _without_prepend(node: Json | None) -> Json | None:
    if node is None or node.get("type") == "Prepend":
        return None
    if node.get("type") == "Sequence":
        parts = [part for part in map(_without_prepend, node["normalizers"]) if part is not None]
        return {**node, "normalizers": parts}
    return node


def _marks_spaces(step: Json) -> bool:
    """Whether a step of a normaliser writes spaces as the vocabulary does."""
    return step.get("type") == "Replace" and (step.get("pattern"), step.get("content")) == ({"String": " "}, SPACE_MARK)


def _finds_nothing(step: Json, normalizer: Json | None) -> bool:
    """Whether a step splits at spaces of which the normaliser has left none (Gemma's)."""
    splits = step.get("type") == "Split" and step.get("pattern") == {"String": " "}
    return splits and any(map(_marks_spaces, _parts(normalizer)))


def _merges_decide_alone(model: Json, normalizer: Json | None, pre_tokenizer: Json | None) -> bool:
    """Whether tokens are decided by merges of the plain characters alone, so that absent pairs are exact
    cuts."""
    vocabulary = model["vocab"]
    if not all(map(_marks_spaces, _parts(normalizer))):
        return False
    for step in _parts(pre_tokenizer):
        metaspace = step.get("type") == "Metaspace" and step.get("replacement") == SPACE_MARK
        if not metaspace and not _finds_nothing(step, normalizer):
            return False
    all_bytes = sum(1 for entry in vocabulary if _BYTE_TOKEN.fullmatch(entry)) == 256
    # a fused unknown token would join unknown neighbours; merged byte tokens would join unknown characters
    if model.get("ignore_merges") or not (model.get("byte_fallback") and all_bytes):
        return False
    return not any("><0x" in entry for entry in vocabulary)


def _normaliser_is_known(node: Json | None) -> bool:
    """Whether it is known on which characters the normaliser acts. Others may join what they like."""
    return all(_marks_spaces(step) or step.get("type") in FORMS for step in _parts(node))


def _reach(normalizer: Json | None, pre_tokenizer: Json | None, texts: list[Json]) -> Reach | None:
    """How far back a change is felt, or None if some step reads otherwise than from left to right, or nobody knows
    how far."""
    forms = [step["type"] for step in _parts(normalizer) if step.get("type") in FORMS]
    if len(set(forms)) > 1:
        return None
    steps: list[Reading] = []
    for step in _parts(pre_tokenizer):
        reading = _reading(step, normalizer)
        if reading is None:
            return None
        steps += reading
    if not steps and not texts:
        return None  # a text is one pre-token
    raw = max((len(entry["content"]) for entry in texts if not entry.get("normalized")), default=0)
    normalised = max((len(entry["content"]) for entry in texts if entry.get("normalized")), default=0)
    return Reach(raw, normalised, tuple(steps), acting(forms[0]) if forms else None)


def _reading(step: Json, normalizer: Json | None) -> list[Reading] | None:
    kind = step.get("type")
    if kind == "Split" and not _finds_nothing(step, normalizer):
        pattern = step.get("pattern", {}).get("Regex")
        isolates = step.get("behavior") == "Isolated" or (step.get("behavior") == "Removed" and step.get("invert"))
        if not isolates or pattern is None or _LOOKS_BACK.search(pattern):
            return None
        reading = read_pattern(pattern)
        return None if reading is None else [reading]
    if kind in ("ByteLevel", "Digits"):
        return [Reading(3)] if kind == "Digits" or step.get("use_regex", True) else []
    return [] if kind == "Split" else None


def _free_pairs(all_entries: Collection[str], kind: Kind) -> list[tuple[str, str]]:
    """The pairs (letter or digit, white space) that no vocabulary entry contains."""
    entries = "\0".join(all_entries)
    written = BYTE_LEVEL_SPACES if kind == "byte-level" else {" ": SPACE_MARK}
    free = []
    for name, characters in (("L", "A-Za-z"), ("D", "0-9")):
        for space in " \t\n\r":
            either = re.escape(space + written.get(space, ""))
            if not re.search(f"[{characters}][{either}]", entries):
                free.append((name, space))
    return free
