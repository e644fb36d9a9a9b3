"""Pieces of other files as a model's family writes them, to stand before the document.

A family with a token between files gets its own repository format (:mod:`kvlsp.prompt.families` cites the sources):
``REPOSITORY name  FILE path text ...  FILE path`` and then the fill-in-the-middle prompt. To any other the pieces are
comments at the head of the text. Text of a piece never becomes a control token.
"""

from __future__ import annotations

import numpy as np

from kvlsp.prompt.layout import Ids
from kvlsp.prompt.template import Template
from kvlsp.tokens.tokenizer import Tokenizer

UNNAMED = "workspace"
"""The name of a repository that nobody named."""


def header(template: Template, tokenizer: Tokenizer, repository: str) -> Ids:
    """What opens the pieces: the repository's name, where the family has a token for it; else nothing."""
    if not (template.file_separator and template.repository):
        return _nothing()
    name = tokenizer.encode((repository or UNNAMED) + template.repository_end)
    return _joined(template.repository, name.ids)


def piece(template: Template, tokenizer: Tokenizer, path: str, text: str, comment: str = "") -> Ids:
    """One piece of the file ``path``; ``comment`` begins a line that is a comment in the document's language."""
    if template.file_separator:
        text = text if text.endswith("\n") or not text else text + "\n"
        return _joined(template.file_separator, tokenizer.encode(f"{path}\n{text}").ids)
    lines = [path, *text.rstrip("\n").split("\n")]
    return _joined((), tokenizer.encode("".join(f"{comment} {line}".rstrip() + "\n" for line in lines)).ids)


def closing(template: Template, tokenizer: Tokenizer, path: str) -> Ids:
    """What leads from the last piece to the document: its own path, where the family separates files."""
    if not template.file_separator:
        return _nothing()
    return _joined(template.file_separator, tokenizer.encode(f"{path}\n").ids)


def before_first(template: Template, head: Ids) -> Ids:
    """The control prefix that all pieces share: they are encoded behind it when they are encoded alone."""
    if template.file_separator:
        return _joined(template.begin, head)
    return _joined(template.begin + template.between if template.order == "suffix_first" else template.opening, head)


def _joined(control: tuple[int, ...], ids: Ids) -> Ids:
    return np.concatenate([np.asarray(control, dtype=np.int32), ids.astype(np.int32, copy=False)])


def _nothing() -> Ids:
    return np.empty(0, np.int32)
