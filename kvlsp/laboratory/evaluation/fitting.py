"""How often a suggestion that is offered does not fit what stands behind the caret, in each grammar, on real files.

Each text goes through the stop rule, as a model's would, and as it is; what :func:`kvlsp.completion.trim.trim` leaves
of it is judged in the whole file, by the parser: with the suggestion, or with it and the brackets that it opens closed,
the file parses; the code behind the caret is still what it was (not swallowed by a string or a comment); it begins its
line. And what stood at a place is to be offered there: how often it is.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import thread_time

import tree_sitter

from kvlsp.completion.fit import fit
from kvlsp.completion.stop import StopRule
from kvlsp.completion.trim import trim
from kvlsp.laboratory.evaluation.fit_tried import Hole, holes, wrong_texts
from kvlsp.syntax.block import Place
from kvlsp.syntax.language import Language, encode
from kvlsp.syntax.scanner import CLOSER_OF, CLOSERS, scan_lines
from kvlsp.syntax.window import WINDOW

LONGEST = 30_000
"""Longer files are left out: each offer has its whole file parsed."""
DEEPEST = 5
"""So many open brackets may the rest of a block close."""


@dataclass(frozen=True, slots=True)
class Glued:
    """An offer that does not fit, and why."""

    why: str
    kind: str
    before: str
    offered: str
    behind: str


@dataclass(slots=True)
class Fits:
    """What was tried in one language. ``seconds`` of processor time are those of one trim each."""

    language: str
    files: int = 0
    tried: int = 0
    offered: int = 0
    right: int = 0
    right_offered: int = 0
    glued: list[Glued] = field(default_factory=list)
    refused: list[Glued] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def milliseconds(self, share: float) -> float:
        """A quantile of the times."""
        times = sorted(self.seconds)
        return 1000 * times[min(int(share * len(times)), len(times) - 1)] if times else 0.0


def files(folders: Sequence[Path], language: Language, longest: int = LONGEST) -> Iterator[str]:
    """Texts in a language below the folders that it can parse, of ``longest`` bytes at most."""
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        found = Language.of(path.name)
        if found is None or found.name != language.name or not path.is_file() or path.stat().st_size > longest:
            continue
        text = path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")
        if text.strip() and not language.parse(text).root_node.has_error:
            yield text


def measure(language: Language, texts: Sequence[str], each: int, *, seed: int = 0,
            advance: Callable[[], None] = lambda: None) -> Fits:
    """Try ``each`` places of every kind in every file."""
    rng, found = random.Random(seed), Fits(language.name)
    for text in texts:
        found.files += 1
        root = language.parse(text).root_node
        for hole in holes(language, text, rng, each):
            _try(language, text, root, hole, rng, found)
        advance()
    return found


def _try(language: Language, text: str, root: tree_sitter.Node, hole: Hole, rng: random.Random, found: Fits) -> None:
    before, own, behind = text[:hole.start], text[hole.start:hole.end], text[hole.end:]
    near = before[-WINDOW:], behind[:WINDOW]
    if own.strip():
        since = thread_time()
        got = fit(Place.at(*near, language), own)
        found.seconds.append(thread_time() - since)
        found.right += 1
        found.right_offered += got == own
        if got != own:
            found.refused.append(Glued("", hole.kind, before[-60:], own, behind[:40]))
    for given in wrong_texts(text, hole, rng):
        for generated in dict.fromkeys((given, _stopped(*near, language, given))):
            if not generated.strip():
                continue
            since = thread_time()
            offered, _ = trim(near[0], generated, near[1], language)
            found.seconds.append(thread_time() - since)
            found.tried += 1
            if offered:
                found.offered += 1
                why = glued(language, text, root, hole, offered)
                if why is not None:
                    found.glued.append(Glued(why, hole.kind, before[-60:], offered, behind[:60]))


def _stopped(before: str, behind: str, language: Language, generated: str) -> str:
    """What the stop rule leaves of it, shown a few characters at a time."""
    rule, stop = StopRule.begin(before, behind, language), None
    for at in range(0, len(generated), 4):
        stop = rule.push(generated[at:at + 4])
        if stop is not None:
            break
    stop = stop or rule.end()
    return rule.generated if stop is None else rule.generated[:stop.keep]


def glued(language: Language, text: str, root: tree_sitter.Node, hole: Hole, offered: str) -> str | None:
    """Why ``offered`` does not fit in the hole of a file that parses (``root`` is its tree).

    None: it does, or nobody could tell: where the hole has broken the file, it may take more than one suggestion to
    mend it.
    """
    before, behind = text[:hole.start], text[hole.end:]
    line = behind.partition("\n")[0]
    tree = language.parse(before + offered + behind)
    finished = _finished(language, before, offered, behind)
    if tree.root_node.has_error and not any(_parses(language, one) for one in finished):
        return "it parsed without" if _parses(language, before + behind) else None
    if not line.strip():
        return None
    blank = len(behind) - len(behind.lstrip())
    now, within = _leaf(tree.root_node, len(encode(before + offered + behind[:blank])))
    was, was_within = _leaf(root, len(encode(text[:hole.end] + behind[:blank])))
    if _kind(was) == "comment" and hole.start <= hole.end + blank - was_within < hole.end:
        return None  # the hole has taken what makes it a comment
    whole = _kind(was) not in ("string", "comment")  # more text in those is no harm
    if "preproc_arg" not in (now, was) and (_kind(now) != _kind(was) or (whole and within and not was_within)):
        return f"{_kind(was) or 'code'} became {_kind(now) or 'part of another word'}"
    own = offered.rpartition("\n")[2]
    if not before.rpartition("\n")[2].strip() and line.strip()[0] not in CLOSERS and offered.strip() and own.strip():
        if _two_statements(language, tree.root_node, len(encode(before + offered.rstrip())),
                           len(encode(before + offered + behind[:blank]))):
            return "two statements on a line"
        last = offered.rstrip()[-1]
        if last == ";" or (last == "}" and line.strip()[0] not in ";,."):
            return "code behind the end of a statement"
    return "a body before a colon" if line.strip()[0] == ":" and not was and "\n" in offered.strip("\n") else None


def _finished(language: Language, before: str, offered: str, behind: str) -> Iterator[str]:
    """At the end of a line, the file with it and closers for what is open there; a comment whose end the hole has taken
    gets one, which the parser may have taken for something else before."""
    if not behind.partition("\n")[0].strip():
        scan, inside = scan_lines(language, before + offered), scan_lines(language, before).inside
        if inside is not None and inside.comment and scan.inside is inside:
            yield before + offered + inside.close + behind
        stack = scan.stack
        for count in range(1, min(DEEPEST, len(stack) + 1)):
            yield before + offered + "".join(CLOSER_OF[one.character] for one in reversed(stack[-count:])) + behind


def _parses(language: Language, text: str) -> bool:
    return not language.parse(text).root_node.has_error


def _leaf(root: tree_sitter.Node, at: int) -> tuple[str, int]:
    """The kind of the leaf at a byte ("" for words and operators), and how far behind its start that is."""
    node = root.descendant_for_byte_range(at, at + 1)
    while node is not None and node.child_count:
        node = node.children[0]
    if node is None:
        return "", 0
    plain = not node.is_named or node.type.startswith("type") or "identifier" in node.type
    return "" if plain else node.type, at - node.start_byte


def _kind(leaf: str) -> str:
    if "string" in leaf or "escape" in leaf:
        return "string"
    return "comment" if "comment" in leaf else leaf


def _two_statements(language: Language, root: tree_sitter.Node, end: int, start: int) -> bool:
    query = language.query("statements")
    nodes = tree_sitter.QueryCursor(query).captures(root).get("statement", []) if query is not None else []
    return any(node.end_byte == end for node in nodes) and any(node.start_byte == start for node in nodes)
