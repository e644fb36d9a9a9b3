"""What the rules of a completion cost per generated token: drafts, grammar penalty, stop rule. No model.

    figures = measure(tokenizer, library_text(), Language.of("python"))

Documents of several sizes are cut from one text; at each caret the text that really follows is "generated"
token by token, and every rule does for it what it does in the engine. The cost should not grow with the size.
"""

from __future__ import annotations

import statistics
import sysconfig
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kvlsp.completion.copy_drafter import CopyDrafter
from kvlsp.completion.drafts import Drafting
from kvlsp.completion.penalty import GrammarPenalty
from kvlsp.completion.stop import StopPolicy, StopRule
from kvlsp.syntax.language import Language
from kvlsp.syntax.window import WINDOW
from kvlsp.tokens.tokenizer import Tokenizer

CANDIDATES = 64
"""Tokens whose text the penalty looks at while it is active."""
RULES = ("drafts", "penalty", "stop")


def measure(tokenizer: Tokenizer, text: str, language: Language | None, *,
            sizes: Sequence[int] = (2000, 8000, 32000), carets: int = 8, tokens: int = 120,
            clock: Callable[[], float] = time.perf_counter) -> dict[str, Any]:
    """Microseconds per generated token and rule, by document size in tokens.

    ``sizes`` larger than the text are left out. Keys: ``sizes`` (a list: document_tokens, begin_us, and per
    rule and in ``total`` median_us and p99_us) and ``growth`` (median of the largest document over that of the
    smallest).
    """
    encoding = tokenizer.encode(text)
    rows = []
    for size in sizes:
        if size <= len(encoding.ids):
            document = text[:int(encoding.starts[size])] if size < len(encoding.ids) else text
            rows.append(_measure_document(tokenizer, document, language, carets, tokens, clock))
    growth = rows[-1]["total"]["median_us"] / rows[0]["total"]["median_us"] if rows else None
    return {"sizes": rows, "growth": growth}


def library_text(characters: int = 400_000) -> str:
    """Python code that every installation has: modules of the standard library, one after another."""
    parts, length = [], 0
    for file in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        part = file.read_text(encoding="utf-8", errors="replace")
        parts.append(part)
        length += len(part)
        if length >= characters:
            break
    return "".join(parts)


def _measure_document(tokenizer: Tokenizer, text: str, language: Language | None, carets: int, tokens: int,
                      clock: Callable[[], float]) -> dict[str, Any]:
    encoding = tokenizer.encode(text)
    drafter = CopyDrafter(encoding.ids)
    spent: dict[str, list[float]] = {rule: [] for rule in RULES}
    begin = []
    policy = StopPolicy("always", max_lines=1000)
    for number in range(carets):
        at = (len(encoding.ids) - tokens) * (number + 1) // (carets + 1)
        offset = int(encoding.starts[at])
        started = clock()
        prefix, suffix = text[max(0, offset - WINDOW):offset], text[offset:offset + WINDOW]
        stop = StopRule.begin(prefix, suffix, language, policy)
        penalty = GrammarPenalty(stop.place)
        drafts = Drafting(drafter, (), encoding.ids[at:at + 4])
        begin.append(clock() - started)
        context = encoding.ids[max(0, at - 64):at].tolist()
        for token in encoding.ids[at:at + tokens].tolist():
            piece = tokenizer.piece(token)
            t0 = clock()
            drafts.propose(context, 16)
            t1 = clock()
            if penalty.active:
                for candidate in range(CANDIDATES):
                    penalty.lowers(tokenizer.piece(candidate + 300))
            penalty.push(piece)
            t2 = clock()
            ended = stop.push(piece)
            t3 = clock()
            if ended is not None:  # go on with a fresh rule, so that every token is judged
                prefix += stop.generated
                stop = StopRule.begin(prefix[-WINDOW:], suffix, language, policy)
            context.append(token)
            for rule, seconds in zip(RULES, (t1 - t0, t2 - t1, t3 - t2), strict=True):
                spent[rule].append(seconds)
    totals = [sum(parts) for parts in zip(*spent.values(), strict=True)]
    return {
        "document_tokens": len(encoding.ids),
        "begin_us": round(statistics.median(begin) * 1e6, 1),
        **{rule: _figures(seconds) for rule, seconds in spent.items()},
        "total": _figures(totals),
    }


def _figures(seconds: list[float]) -> dict[str, float]:
    return {"median_us": round(statistics.median(seconds) * 1e6, 1),
            "p99_us": round(float(np.percentile(seconds, 99)) * 1e6, 1)}
