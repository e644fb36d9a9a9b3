"""How a piece of a file is cut into documents: left whole, into functions, or at any lines.

A scratch file, a notebook's cell and a long module are all documents that a completion is asked in.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from random import Random

from kvlsp.laboratory.training.definitions import block
from kvlsp.laboratory.training.languages import function_heads

#: Pieces that become one document; the others are cut into several, each with a hole.
WHOLE_SHARE = 0.15
SMALLEST_DOCUMENT = 300


def cut_into_parts(text: str, path: str, random: Random, functions_share: float) -> list[str]:
    """The text cut at line starts into documents of very different lengths (log-uniform), or left whole."""
    draw = random.random()
    if len(text) <= SMALLEST_DOCUMENT or draw < WHOLE_SHARE:
        return [text]
    if draw < WHOLE_SHARE + functions_share and (functions := split_functions(text, path)):
        return functions
    breaks = [i + 1 for i, character in enumerate(text) if character == "\n"]
    parts = []
    start = 0
    while start < len(text):
        size = math.exp(random.uniform(math.log(SMALLEST_DOCUMENT), math.log(len(text))))
        at = bisect_right(breaks, start + size) - 1
        end = breaks[at] if at >= 0 and breaks[at] > start else len(text)
        if len(text) - end < SMALLEST_DOCUMENT // 2:
            end = len(text)
        parts.append(text[start:end])
        start = end
    return parts


def split_functions(text: str, path: str) -> list[str]:
    """Every function and method of at least three lines, decorators left out, moved to the left margin.

    ``path`` tells the language.
    """
    found = []
    for match in function_heads(path).finditer(text):
        margin = len(match.group(1))
        lines = block(text, match.start())
        if len(lines) >= 3:
            found.append("\n".join(line[margin:] for line in lines) + "\n")
    return found
