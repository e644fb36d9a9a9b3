"""Bits per byte of held-out code at several context lengths, and what the suffix is worth for a middle.

Every context length scores the *same* tokens: the last 256 of windows of 512, 2,048, 8,192 tokens that end at the same
places. So the numbers differ by the context alone. A model is a function from ids to losses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from kvlsp.laboratory.training.corpus import SourceFile
from kvlsp.laboratory.training.middles import draw_middle
from kvlsp.prompt.template import Order, Template
from kvlsp.tokens.tokenizer import Tokenizer

CONTEXTS = (512, 2048, 8192)
SCORED = 256
ORDERS: tuple[Order, ...] = ("suffix_first", "prefix_first")

#: (ids, first) -> bits to predict each of ids[first:] from everything before it.
Losses = Callable[[Sequence[int], int], list[float]]


@dataclass(frozen=True)
class Stream:
    """The files of a package, one after another. `sizes` are bytes of text, 0 for file names and
    separators.
    """

    package: str
    ids: list[int]
    sizes: list[int]


def streams(
    files: Sequence[SourceFile],
    tokenizer: Tokenizer,
    template: Template,
    advance: Callable[[], None] = lambda: None,
) -> list[Stream]:
    """One stream per package, files in the order of their paths, each behind a separator and its path."""
    result = []
    for package in sorted({file.package for file in files}):
        ids: list[int] = []
        sizes: list[int] = []
        for file in sorted((file for file in files if file.package == package), key=lambda file: file.path):
            name = [*template.file_separator, *tokenizer.encode(file.path + "\n").ids.tolist()]
            body = tokenizer.encode(file.text).ids.tolist()
            ids += name + body
            sizes += [0] * len(name) + [len(tokenizer.token_bytes(token)) for token in body]
            advance()
        result.append(Stream(package, ids, sizes))
    return result


def possible_contexts(streams: Sequence[Stream], longest: int) -> list[int]:
    """The context lengths that the model (`longest` tokens) and at least one stream allow."""
    most = max(len(stream.ids) for stream in streams)
    return [context for context in CONTEXTS if context <= min(longest, most)]


def window_ends(streams: Sequence[Stream], windows: int, longest: int) -> list[tuple[Stream, int]]:
    """Up to `windows` places with at least `longest` tokens before them, evenly spread over all streams."""
    places = [(stream, end) for stream in streams for end in range(longest, len(stream.ids) + 1, SCORED)]
    count = min(windows, len(places))
    return [places[i * len(places) // count] for i in range(count)]


def bits_per_byte(
    streams: Sequence[Stream],
    losses: Losses,
    contexts: Sequence[int] = CONTEXTS,
    windows: int = 64,
    advance: Callable[[], None] = lambda: None,
) -> dict[int, float]:
    """Bits per byte of the scored tokens, for each context length."""
    result = {}
    ends = window_ends(streams, windows, max(contexts, default=SCORED))
    for context in contexts:
        bits = 0.0
        size = 0
        for stream, end in ends:
            found = losses(stream.ids[end - context : end], context - SCORED)
            sizes = stream.sizes[end - SCORED : end]
            bits += sum(loss for loss, bytes_ in zip(found, sizes, strict=True) if bytes_)
            size += sum(sizes)
            advance()
        result[context] = round(bits / max(1, size), 4)
    return result


def middle_loss(
    files: Sequence[SourceFile],
    encode: Callable[[str], list[int]],
    losses: Losses,
    orders: Mapping[str, Callable[[list[int], list[int]], list[int]]],
    end: int,
    places: int = 150,
    reach: int = 3000,
    seed: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> dict[str, dict[str, float]]:
    """Nats per token of true middles (end token included), with the suffix and with an empty suffix.

    `orders` names layouts: (prefix ids, suffix ids) -> prompt ids. Holes are drawn in the held-out files with
    up to `reach` characters on each side.
    """
    random = Random(seed)
    totals = {name: {"with_suffix": 0.0, "without_suffix": 0.0} for name in orders}
    count = 0
    for _ in range(places):
        text = random.choice(files).text
        start, stop = draw_middle(text, random)
        middle = [*encode(text[start:stop])[:200], end]
        prefix, suffix = encode(text[max(0, start - reach) : start]), encode(text[stop : stop + reach])
        count += len(middle)
        for name, layout in orders.items():
            for kind, after in (("with_suffix", suffix), ("without_suffix", [])):
                prompt = layout(prefix, after)
                totals[name][kind] += sum(losses([*prompt, *middle], len(prompt)))
        advance()
    nats_per_bit = 0.6931471805599453
    return {
        name: {kind: round(bits * nats_per_bit / max(1, count), 4) for kind, bits in kinds.items()}
        for name, kinds in totals.items()
    }
