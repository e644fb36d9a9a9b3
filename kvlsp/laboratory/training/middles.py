"""Where a training document is cut into prefix, middle and suffix, in characters.

Most middles are what a completion is: the rest of a line, a line, some lines, a block.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from random import Random

_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]{3,}")

#: Kinds of middles and how often each is drawn.
KINDS = {"rest_of_line": 28, "line": 38, "lines": 12, "block": 8, "span": 12, "nothing": 2}


def draw_middle(text: str, random: Random, names: Collection[str] = ()) -> tuple[int, int]:
    """Characters [start, end) of `text` to be filled in, in a line with one of `names` where there is one.

    `text` has at least one non-blank line.
    """
    lines = text.splitlines(keepends=True) if "\f" not in text else re.split(r"(?<=\n)", text)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    written = [i for i, line in enumerate(lines) if line.strip()]
    with_names = [i for i in written if any(name in lines[i] for name in names)] if names else []
    i = random.choice(with_names or written)
    line = lines[i]
    body_start = starts[i] + len(line) - len(line.lstrip())
    body_end = starts[i] + len(line.rstrip("\r\n"))
    kind = random.choices(list(KINDS), list(KINDS.values()))[0]
    if kind == "rest_of_line":
        return random.randint(body_start, max(body_start, body_end - 1)), body_end
    if kind == "nothing":
        return body_end, body_end
    if kind == "span" and not with_names:
        start = random.randint(0, len(text) - 1)
        return start, min(len(text), start + int(math.exp(random.uniform(0.0, math.log(400)))))
    last = i
    if kind == "lines":
        last = min(len(lines) - 1, i + random.randint(1, 4))
    elif kind == "block":
        indent = body_start - starts[i]
        while last + 1 < len(lines) and last - i < 12:
            after = lines[last + 1]
            if after.strip() and len(after) - len(after.lstrip()) <= indent:
                break
            last += 1
    while last > i and not lines[last].strip():
        last -= 1
    if random.random() < 0.6:
        return starts[i], starts[last + 1]
    return body_start, starts[last] + len(lines[last].rstrip("\r\n"))


def draw_recent_edit(text: str, random: Random) -> str:
    """`text` as it looks in the middle of an edit: a name changed at one place only, or a line gone or
    doubled.
    """
    names = list(_NAME.finditer(text))
    if names and random.random() < 0.7:
        one, other = random.choice(names), random.choice(names)
        return text[: one.start()] + other.group() + text[one.end() :]
    lines = text.split("\n")
    i = random.randrange(len(lines))
    lines[i : i + 1] = [] if random.random() < 0.5 else [lines[i], lines[i]]
    return "\n".join(lines)
