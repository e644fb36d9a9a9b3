"""Random edits of texts in many languages and scripts, compared with tokenizing the whole by the published tokenizer.

``python -m kvlsp.laboratory.evaluation.tokenizer_fuzz FILE [FILE ...]`` takes tokenizer.json files and prints a line
for each: edits, differences (none are wanted), and what an edit costs.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from kvlsp.tokens.document import TokenizedText
from kvlsp.tokens.published import PROBES, Published
from kvlsp.tokens.tokenizer import Tokenizer

DOCUMENTS = (
    "".join(PROBES),
    "import os\n\n\nclass Reader:\n    \"\"\"Reads.\"\"\"\n\n    def __init__(self, path, *, mode='r'):\n"
    "        self.path = os.fspath(path)\n        self.mode = mode  # how\n\n" * 6,
    "!function(e,t){\"object\"==typeof exports?module.exports=t():e.q=t()}(this,function(){a={b:1,c:[2,3]};" * 8,
    "// Größe und Straße: äöü ÄÖÜß\nint größe(int *p) {\n\treturn p ? *p : -1; /* \u00bd */\n}\n" * 8,
    "# Описание функции и её параметров: ёлка, й, е\u0308\n# 函数的说明，参数。返回值。亚洲AVAAAA\n"
    "# 한국어 설명 \u1112\u1161\u11ab\n" * 8,
    "8675309123456789" * 60 + "\n" + "QWxhZGRpbjpvcGVuIHNlc2FtZQ+x/9" * 30 + "\n" + "AAAA" * 60 + "b",
    "<table>\n    <tr><td><b>x</b></td></tr>\n\n\n\n\t\t\t<s>old</s></table>\n" * 12,
    "हिन्दी में टिप्पणी और कुछ शब्द। ไทยไม่มีช่องว่าง עם ניקוד שָׁלוֹם e\u0323\u0301o\u0302\u0309\n" * 10,
)
PIECES = (
    "a", "B", "é", "e\u0301", "\u0301", "ü", "ö", "й", "漢", "亚洲", "한", "\u1161", "½", "1", "12", "123456",
    " ", "  ", "    ", "\t", "\t\t", "\n", "\n\n", "\r\n", "\r", ".", "(", ")", "):", "'", "'s", "'LL", "\"",
    "<", ">", "<b>", "</td>", "/", "_", "self", " = ", "return x\n", "    pass\n", "AVA", "b", "\u00a0", "\u2028",
    "\x0c", "😀", "\u200d", "▁", "# c\n", "", "<|fim_prefix|>",
)  # fmt: skip
LIFE = 300
"""Edits of one document before it begins anew."""


@dataclass(slots=True)
class Found:
    """What happened to one vocabulary; ``window`` (characters) and ``seconds`` (of the processor) have an
    entry per edit."""

    edits: int = 0
    token_differences: int = 0
    text_differences: int = 0
    cut_differences: int = 0
    window: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    first: str = ""

    @property
    def differences(self) -> int:
        """All of them together."""
        return self.token_differences + self.text_differences + self.cut_differences

    def line(self, name: str, rule: str) -> str:
        """A row of the table."""
        milliseconds = np.quantile(self.seconds, (0.5, 0.99)) * 1000
        return (
            f"{name:24} {rule:6} {self.edits:7,} {self.token_differences:7} {self.text_differences:6} "
            f"{self.cut_differences:5} {statistics.fmean(self.window):9.0f} {max(self.window):7} "
            f"{milliseconds[0]:7.2f} {milliseconds[1]:7.2f}"
        )


TITLE = (
    f"{'vocabulary':24} {'rule':6} {'edits':>7} {'tokens':>7} {'texts':>6} {'cuts':>5} {'window':>9} {'largest':>7} "
    f"{'ms':>7} {'ms p99':>7}"
)


def fuzz(tokenizer: Tokenizer, published: Published, edits: int, seed: int = 0) -> Found:
    """Make ``edits`` random edits and compare ids, decoded text and every tenth cut with those of the whole text."""
    rng, found = random.Random(seed), Found()
    while found.edits < edits:
        text = rng.choice(DOCUMENTS)
        document = TokenizedText.of(tokenizer, Rope.of(text))
        for edit in edits_of(rng, text, min(LIFE, edits - found.edits)):
            before, text = text, edited(text, edit)
            after = document.text.replace(edit)
            began = time.process_time()
            document.apply(edit, after)
            found.seconds.append(time.process_time() - began)
            found.window.append(document.tokenized_again + len(edit.text))
            found.edits += 1
            wrong = _compare(document, published, text, found)
            if found.edits % 10 == 0:
                caret = rng.randint(0, len(text))
                wrong = _compare_cut(document, text, caret, found) or wrong
            if wrong and not found.first:
                found.first = f"{edit} in {before[max(0, edit.start - 60) : edit.end + 60]!r}"
    return found


def edits_of(rng: random.Random, text: str, count: int) -> Iterator[Edit]:
    """``count`` random edits, each of the text that the one before left."""
    place = 0
    for _ in range(count):
        edit = _edit(rng, text, place)
        place, text = edit.start + len(edit.text), edited(text, edit)
        yield edit


def edited(text: str, edit: Edit) -> str:
    """The text after ``edit``."""
    return text[: edit.start] + edit.text + text[edit.end :]


def _edit(rng: random.Random, text: str, last: int) -> Edit:
    near = rng.random() < 0.5
    start = min(len(text), max(0, last + rng.randint(-3, 3) if near else rng.randint(0, len(text))))
    end = start if rng.random() < 0.5 else min(len(text), start + rng.choice((1, 1, 1, 2, 5, 30)))
    new = "".join(rng.choice(PIECES) for _ in range(rng.choice((0, 1, 1, 1, 2, 4))))
    return Edit(start, end, new)


def _compare(document: TokenizedText, published: Published, text: str, found: Found) -> bool:
    tokenizer = document.tokenizer
    wanted = published.ids(text)
    if wanted is None:  # control tokens are spelled: ordinary text to kvlsp
        wanted = tokenizer.encode(text).ids
    other_tokens = not np.array_equal(document.ids, wanted)
    plain, back = tokenizer.normalised(text), tokenizer.decode(document.ids)
    other_text = back not in (plain, " " + plain)
    found.token_differences += other_tokens
    found.text_differences += other_text
    return other_tokens or other_text


def _compare_cut(document: TokenizedText, text: str, caret: int, found: Found) -> bool:
    cut, encode = document.cut(caret), document.tokenizer.encode
    wrong = not (
        np.array_equal(cut.prefix_ids(document), encode(text[:caret]).ids)
        and np.array_equal(cut.suffix_ids(document), encode(text[caret:], initial=False).ids)
    )
    found.cut_differences += wrong
    return wrong


def main(
    files: Annotated[list[Path], typer.Argument(help="tokenizer.json files, or folders that hold one.")],
    edits: Annotated[int, typer.Option(help="Random edits for each.")] = 20_000,
    seed: int = 0,
) -> None:
    """Fuzz vocabularies; exit code 1 where one of them differs from its published tokenizer."""
    typer.echo(TITLE)
    wrong = False
    for file in files:
        tokenizer = Tokenizer.load(file)
        assert tokenizer.source is not None
        found = fuzz(tokenizer, Published.load(tokenizer.source, tokenizer.control), edits, seed)
        typer.echo(found.line(file.parent.parent.name if file.is_file() else file.name, tokenizer.rule))
        if found.differences:
            wrong = True
            typer.echo(f"    first: {found.first}")
    raise typer.Exit(int(wrong))


if __name__ == "__main__":
    typer.run(main)
