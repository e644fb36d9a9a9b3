"""Fill-in-the-middle templates: which control tokens stand where around prefix and suffix (arXiv 2207.14255).

Pure integers. Which family a model belongs to is said by :mod:`kvlsp.prompt.families`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Order: TypeAlias = Literal["prefix_first", "suffix_first", "plain"]


@dataclass(frozen=True, slots=True)
class Template:
    """Control tokens of a model.

    prefix_first (PSM): ``begin prefix PREFIX suffix SUFFIX middle``;
    suffix_first (SPM): ``begin prefix suffix SUFFIX middle PREFIX tail``;
    plain: ``begin PREFIX`` (the suffix is ignored). In capitals the document's tokens, in small letters
    these fields. ``tail`` is empty for most models; some (Seed, Mellum) close a suffix-first prompt with a
    marker. Context of other files stands behind ``begin``, or where a model has no ``file_separator``, as comments
    right before the prefix; ``repository_end`` is text behind the repository's name.
    """

    name: str
    order: Order
    begin: tuple[int, ...] = ()
    prefix: tuple[int, ...] = ()
    suffix: tuple[int, ...] = ()
    middle: tuple[int, ...] = ()
    tail: tuple[int, ...] = ()
    end: frozenset[int] = frozenset()
    file_separator: tuple[int, ...] = ()
    repository: tuple[int, ...] = ()
    repository_end: str = ""
    heals: bool = True

    @property
    def opening(self) -> tuple[int, ...]:
        """What stands before the first segment of the document."""
        if self.order == "prefix_first":
            return self.begin + self.prefix
        return self.begin + self.prefix + self.suffix if self.order == "suffix_first" else self.begin

    @property
    def between(self) -> tuple[int, ...]:
        """What stands between the two segments."""
        if self.order == "prefix_first":
            return self.suffix
        return self.middle if self.order == "suffix_first" else ()

    @property
    def closing(self) -> tuple[int, ...]:
        """What stands after the last segment, where the middle begins."""
        if self.order == "prefix_first":
            return self.middle
        return self.tail if self.order == "suffix_first" else ()
