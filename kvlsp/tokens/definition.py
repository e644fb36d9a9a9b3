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
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from kvlsp.errors import TokenizerError
from kvlsp.tokens.boundaries import Boundaries, OutsideVocabulary, SpaceAfterWord

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

    continuation: str
    """tokenizer.json without control tokens, post-processing and text-initial rules."""
    initial: str | None
    """The same with the text-initial rules; None when there are none."""
    vocabulary: dict[str, int]
    """Entries that text can become, as the file writes them."""
    control: dict[str, int]
    """Control tokens by their text."""
    kind: Kind
    boundaries: Boundaries
    pairs_are_exact: bool
    """The boundaries are those of the vocabulary itself, without a pre-tokenizer."""
    resumable: bool
    """A pre-token's start is a place from where tokenizing depends on nothing before it."""
    composes: bool
    """The normaliser composes characters (NFC and its like): characters from U+0300 on join their
    neighbours."""
    spaces: dict[str, int] = field(default_factory=dict)
    """Added tokens of white space only: text, not control."""


def read(text: str) -> Definition:
    """A definition from the content of a tokenizer.json; :class:`TokenizerError` says what cannot be used."""
    try:
        file = json.loads(text)
        model = file["model"]
        vocabulary: dict[str, int] = dict(model["vocab"])
    except (ValueError, KeyError, TypeError) as error:
        raise TokenizerError(
            "The tokenizer file is no complete tokenizer.json (it may be cut off). Fetch the model again."
        ) from error
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
    added: list[Json] = file.get("added_tokens") or []
    spaces = [entry for entry in added if not entry.get("special") and not entry["content"].strip()]
    control = {entry["content"]: int(entry["id"]) for entry in added if entry not in spaces}
    kind = _kind(file)
    _drop_control(model, control)
    vocabulary = {entry: number for entry, number in vocabulary.items() if entry not in control}
    file.update(added_tokens=spaces, post_processor=None, truncation=None, padding=None)
    model["dropout"] = None
    continuation = _without_initial_rules(file)
    pairs_are_exact = kind == "sentencepiece" and not spaces and _merges_decide_alone(continuation)
    boundaries: Boundaries
    if pairs_are_exact:
        entries = (entry for entry in vocabulary if not _BYTE_TOKEN.fullmatch(entry))
        boundaries = OutsideVocabulary(entries, SPACE_MARK)
    else:
        boundaries = SpaceAfterWord(_free_pairs(vocabulary, kind))
    return Definition(
        continuation=json.dumps(continuation),
        initial=json.dumps(file) if continuation != file else None,
        vocabulary=vocabulary,
        control=control,
        kind=kind,
        boundaries=boundaries,
        pairs_are_exact=pairs_are_exact,
        resumable=not spaces and not pairs_are_exact and _is_resumable(continuation.get("pre_tokenizer")),
        composes=any(node.get("type") != "Replace" for node in _parts(continuation.get("normalizer"))),
        spaces={entry["content"]: int(entry["id"]) for entry in spaces},
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


def _drop_control(model: Json, control: dict[str, int]) -> None:
    """Take control tokens out of a vocabulary that is asked for whole words before merging
    (``ignore_merges``)."""
    if model.get("ignore_merges"):
        merges = (merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"])
        needed = {part for merge in merges for part in merge}
        for entry in control:
            if entry not in needed and entry != model.get("unk_token"):
                model["vocab"].pop(entry, None)


def _without_initial_rules(file: Json) -> Json:
    """The same definition for text that does not begin a document."""
    plain = {**file, "normalizer": copy.deepcopy(file.get("normalizer"))}
    plain["pre_tokenizer"] = copy.deepcopy(file.get("pre_tokenizer"))
    for step in _parts(plain["pre_tokenizer"]):
        if step.get("type") == "Metaspace":
            if "prepend_scheme" in step:
                step["prepend_scheme"] = "never"
            if "add_prefix_space" in step:
                step["add_prefix_space"] = False
        elif step.get("type") == "ByteLevel":
            step["add_prefix_space"] = False
    plain["normalizer"] = _without_prepend(plain["normalizer"])
    return plain


def _without_prepend(node: Json | None) -> Json | None:
    if node is None or node.get("type") == "Prepend":
        return None
    if node.get("type") == "Sequence":
        parts = [part for part in map(_without_prepend, node["normalizers"]) if part is not None]
        return {**node, "normalizers": parts} if parts else None
    return node


def _merges_decide_alone(file: Json) -> bool:
    """Whether tokens are decided by merges of the plain characters alone, so that absent pairs are exact
    cuts."""
    model = file["model"]
    vocabulary = model["vocab"]
    for step in _parts(file.get("normalizer")):
        if step.get("type") != "Replace" or step.get("pattern") != {"String": " "}:
            return False
        if step.get("content") != SPACE_MARK:
            return False
    for step in _parts(file.get("pre_tokenizer")):
        if step.get("type") != "Metaspace" or step.get("replacement") != SPACE_MARK:
            return False
    all_bytes = sum(1 for entry in vocabulary if _BYTE_TOKEN.fullmatch(entry)) == 256
    # a fused unknown token would join unknown neighbours; merged byte tokens would join unknown characters
    if model.get("ignore_merges") or not (model.get("byte_fallback") and all_bytes):
        return False
    return not any("><0x" in entry for entry in vocabulary)


def _free_pairs(vocabulary: dict[str, int], kind: Kind) -> list[tuple[str, str]]:
    """The pairs (letter or digit, white space) that no vocabulary entry contains."""
    entries = "\0".join(vocabulary)
    written = BYTE_LEVEL_SPACES if kind == "byte-level" else {" ": SPACE_MARK}
    free = []
    for name, characters in (("L", "A-Za-z"), ("D", "0-9")):
        for space in " \t\n\r":
            either = re.escape(space + written.get(space, ""))
            if not re.search(f"[{characters}][{either}]", entries):
                free.append((name, space))
    return free


def _is_resumable(node: Json | None) -> bool:
    """Whether every step of the pre-tokenizer reads from left to right and never looks back."""
    steps = list(_parts(node))
    for step in steps:
        kind = step.get("type")
        if kind == "Split":
            pattern = step.get("pattern", {}).get("Regex", "")
            isolates = step.get("behavior") == "Isolated" or (
                step.get("behavior") == "Removed" and step.get("invert")
            )
            if not isolates or _LOOKS_BACK.search(pattern):
                return False
        elif kind not in ("ByteLevel", "Digits"):
            return False
    return bool(steps)
