"""How models that were made to propose the next edit want to be asked: published prompt formats, as data.

Such a model is shown what was changed last and some lines of the file, and writes these lines anew. :data:`FORMATS`
is the table of docs/models.md. A format is recognised by the control tokens of the tokenizer and by the model's name,
since the models have the vocabulary of the one that they were trained from. Texts in, parts of a prompt out; what is
changed in the answer is :mod:`kvlsp.nextedit.rewrite`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import TypeAlias

import numpy as np

from kvlsp.tokens.tokenizer import Tokenizer

Parts: TypeAlias = list[tuple[bool, str]]
"""Pieces of a prompt in order: whether each is a control token, and its text. Text of a document is never one."""


@dataclass(frozen=True, slots=True)
class EditFormat:
    """Names in braces are what :func:`prompt` fills in; tokens in ``marks`` are control tokens where the patterns spell
    them, and text where a document does."""

    name: str
    models: str
    source: str
    marks: tuple[str, ...]
    named: tuple[str, ...]
    """Parts of the names of its models: all of one line, in lower case."""
    pattern: str
    history: str
    """Around the edits, where there are any."""
    edit: str
    """One edit: ``{diff}`` with three lines around it, or ``{old}`` and ``{new}`` lines."""
    end: str
    """Text that ends the answer, if a control token does not; all lines before it are the answer."""
    nothing: str
    """The answer that says that nothing is to be changed."""
    cursor: str
    """Stands where the caret is, in the lines and maybe in the answer."""
    above: int
    below: int
    """Lines to write anew, beside the one that is asked about."""
    around: int
    """Characters of the file shown on both sides of them."""
    not_named: tuple[str, ...] = ()
    """Parts of the names of others that were trained for another format."""

    def speaks(self, control: Mapping[str, int], name: str) -> bool:
        """Whether a model of this name with these control tokens wants it."""
        name = name.lower()
        return all(mark in control for mark in self.marks) and any(part in name for part in self.named) and not any(
            part in name for part in self.not_named)


FORMATS: tuple[EditFormat, ...] = (
    EditFormat(
        "zeta-2", "Zeta 2 (zed-industries/zeta-2)",
        "zed-industries/zed, crates/zeta_prompt, seed_coder (V0211)",
        marks=("<[fim-suffix]>", "<[fim-prefix]>", "<[fim-middle]>", "<filename>"),
        named=("zeta-2", "zeta2", "zeta_2"),
        pattern="<[fim-suffix]>{below}<[fim-prefix]>{history}<filename>{path}\n{above}<<<<<<< CURRENT\n{current}\n"
                "=======\n<[fim-middle]>",
        history="<filename>edit_history\n{edits}\n",
        edit="--- a/{path}\n+++ b/{path}\n{diff}",
        end=">>>>>>> UPDATED", nothing="NO_EDITS", cursor="<|user_cursor|>", above=10, below=14, around=450,
        not_named=("2.1", "2_1"),
    ),
    EditFormat(
        "sweep", "Sweep Next-Edit 0.5B, 1.5B, 3B, 7B",
        "sweepai/vscode-nes, src/local/completions.ts; blog.sweep.dev/posts/oss-next-edit (21 lines)",
        marks=("<|file_sep|>",),
        named=("sweep-next-edit", "sweep_next_edit", "next-edit-sweep"),
        pattern="{history}<|file_sep|>original/{path}\n{original}\n<|file_sep|>current/{path}\n{current}\n"
                "<|file_sep|>updated/{path}\n",
        history="{edits}",
        edit="<|file_sep|>{path}.diff\noriginal:\n{old}\nupdated:\n{new}\n",
        end="", nothing="", cursor="", above=10, below=10, around=0,
    ),
)


@dataclass(frozen=True, slots=True)
class Edited:
    """One edit that was made: lines, without the last line end, and the same as the hunk of a diff."""

    old: str
    new: str
    diff: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a model is asked about: ``current`` lines of a file, ``caret`` characters in, what they were before the last
    edit (``original``), and what stands above and below; ``above`` ends with a line end, ``current`` without."""

    path: str
    above: str
    current: str
    below: str
    original: str
    caret: int
    edits: Sequence[Edited]
    """The newest last."""


def of_model(control: Mapping[str, int], name: str) -> EditFormat | None:
    """The format of a model of this name (folder or hub id), if it has one."""
    return next((one for one in FORMATS if one.speaks(control, name)), None)


def prompt(form: EditFormat, asked: Asked) -> Parts:
    """The parts of the prompt, as the format has it."""
    edits: Parts = []
    for one in asked.edits:
        edits += _filled(form, form.edit, path=asked.path, old=one.old, new=one.new, diff=one.diff)
    current = asked.current[:asked.caret] + form.cursor + asked.current[asked.caret:]
    below = asked.below if asked.below.endswith("\n") else f"{asked.below}\n"
    return _filled(form, form.pattern, path=asked.path, above=asked.above, current=current, below=below,
                   original=asked.original, history=_filled(form, form.history, edits=edits) if edits else "")


def ids(parts: Parts, tokenizer: Tokenizer, begin: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Its tokens: all text between two control tokens is tokenized as one."""
    found = list(begin)
    text = ""
    for control, piece in [*parts, (True, "")]:
        if not control:
            text += piece
            continue
        if text:
            found += tokenizer.encode(text, initial=not found).ids.astype(np.int64).tolist()
            text = ""
        if piece:
            found.append(tokenizer.control[piece])
    return tuple(found)


def _filled(form: EditFormat, pattern: str, **fields: str | Parts) -> Parts:
    marks = re.compile("(" + "|".join(map(re.escape, form.marks)) + ")")
    parts: Parts = []
    for literal, field, _, _ in Formatter().parse(pattern):
        parts += [(number % 2 == 1, piece) for number, piece in enumerate(marks.split(literal)) if piece]
        if field is not None:
            value = fields[field]
            parts += [(False, value)] if isinstance(value, str) else value
    return parts


def table() -> list[dict[str, str]]:
    """:data:`FORMATS` for people."""
    return [{"models": one.models, "prompt": one.pattern.replace("\n", "↵"), "read in": one.source} for one in FORMATS]
