"""A few lines of code with a gap at a caret, parsed with one text after the other in it.

    piece.parses(inserted)       # whether they are whole with the text between them
    piece.errors(inserted)       # how many errors the parser sees in them

The lines are taken out of their file, so they are parsed in the frames (:class:`kvlsp.syntax.language.Frame`) that fit
them; which do shows in what stood there before. Each text is parsed from the tree of the one before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from time import thread_time

import tree_sitter

from kvlsp.syntax.behind import Behind
from kvlsp.syntax.language import Frame, Language, encode

PATIENCE = 0.02
"""Seconds of processor time that one :class:`Piece` is parsed for before it is given up ..."""
PATIENCE_IN_ALL = 0.08
"""... and all pieces of one place."""

_WORD_BEFORE = re.compile(r"(?:\w+|[^\w\s]|^)\s*$")
_NO_FRAME = Frame("", "")


class TooMuch(Exception):
    """A piece took so long to parse that it was given up: nothing is known of it."""


class Patience:
    """Processor time, so that a busy machine changes no answer: whether some is left in the stretch begun last."""

    def __init__(self, seconds: float, whole: Patience | None = None) -> None:
        self._left, self._whole = seconds, whole
        self._since = 0.0

    def begin(self) -> None:
        self._since = thread_time()
        if self._whole is not None:
            self._whole.begin()

    def end(self) -> None:
        self._left -= thread_time() - self._since
        if self._whole is not None:
            self._whole.end()

    def __call__(self) -> bool:
        return thread_time() - self._since < self._left and (self._whole is None or self._whole())


@dataclass(frozen=True)
class Piece:
    """Lines ``above``, the caret's line ``before`` it, and the text ``below`` from the caret on.

    ``outermost``: inside no bracket that is in sight; ``top``: inside no bracket at all, so that no frame is around it.
    """

    language: Language
    above: str
    before: str
    below: str
    outermost: bool
    top: bool
    _patience: Patience = field(compare=False)
    _clean: dict[str, Frame] = field(default_factory=dict, compare=False)
    """What was inserted -> a frame in which that parses."""
    _known: dict[Frame, tuple[tree_sitter.Tree, str]] = field(default_factory=dict, compare=False)
    """What was parsed last in a frame, and what was inserted: the next text differs from it by that alone."""

    @cached_property
    def known(self) -> bool:
        """Whether the lines parse as they are, or without the caret's own; False where there are none."""
        return bool(self._rest.strip()) and any(map(self._fits, self.frames))

    @cached_property
    def frames(self) -> tuple[Frame, ...]:
        """The frames in which the lines parse as they are, or without the caret's own; all where there are none;
        else the one in which they do best."""
        frames = self._all_frames
        if not self._rest.strip() or len(frames) == 1:
            return frames
        roots = {frame: self._parse(frame, "") for frame in frames}
        for found in (tuple(frame for frame in frames if not roots[frame].has_error),
                      tuple(frame for frame in frames if not self._lines(frame).has_error)):
            if found:
                return (_NO_FRAME,) if self.outermost and _NO_FRAME in found else found
        errors = {frame: sum(1 for _ in _errors(roots[frame])) for frame in frames}
        return (min(frames, key=errors.__getitem__),)

    def parses(self, inserted: str) -> bool:
        """Whether the piece is whole with ``inserted`` in it, in any frame where none is known to fit."""
        for frame in self._first_frames:  # most often that is all
            if not self._parse(frame, inserted).has_error and self._fits(frame):
                self._clean[inserted] = frame
                return True
        for frame in self._possible:
            if not self._parse(frame, inserted).has_error:
                self._clean[inserted] = frame
                return True
        return False

    def sure(self, inserted: str) -> bool:
        """Whether the lines fit in a frame, and with ``inserted`` all in which they do say the same of them."""
        return self.known and len({self._parse(frame, inserted).has_error for frame in self.frames}) == 1

    def could_parse(self, inserted: str) -> bool:
        """Like :meth:`parses`, in the likely frames only."""
        return any(not self._parse(frame, inserted).has_error for frame in self.frames)

    def whole(self, inserted: str) -> bool:
        """Whether the lines above and ``inserted`` are whole without anything behind."""
        text = f"{self.above}{self.before}{inserted}"
        whole = (self._tree(encode(f"{frame.open}{text}\n{frame.close}"), None) for frame in self.frames)
        return any(not tree.root_node.has_error for tree in whole)

    def errors(self, inserted: str) -> int:
        """The least number of errors that the parser sees in the piece with ``inserted`` in it, in any frame."""
        return min(sum(1 for _ in _errors(self._parse(frame, inserted))) for frame in self.frames)

    def broken_before(self, inserted: str) -> bool:
        """Whether all that cannot be parsed with ``inserted`` in the piece stands before the word before the caret."""
        before = _WORD_BEFORE.sub("", self.above + self.before)
        for frame in self.frames:
            end = len(encode(frame.open + before))
            errors = _errors(self._parse(frame, inserted))
            if all(node.end_byte <= end and not node.is_missing for node in errors):
                return True
        return False

    def behind(self, inserted: str) -> Behind:
        """What stands right behind ``inserted``, with which the piece :meth:`parses`."""
        frame = self._clean[inserted]
        before = f"{frame.open}{self.above}{self.before}"
        blank = self.below[:len(self.below) - len(self.below.lstrip(" \t"))]
        last, end, start = (len(encode(before + text)) for text in (inserted.rstrip(), inserted, inserted + blank))
        return Behind(self.language, self._parse(frame, inserted), last, end, start)

    def opens_twice(self, inserted: str) -> bool:
        """Indentation layout: whether ``inserted`` ends like a header before the rest of a line that ends like one."""
        if self.language.layout == "braces":
            return False
        ends = inserted.rstrip()[-1:], self.below.partition("\n")[0].rstrip()[-1:]
        return all(end in self.language.openers for end in ends)

    # ---------------------------------------------------------------------------------------------------------

    @property
    def _first_frames(self) -> tuple[Frame, ...]:
        if "frames" in self.__dict__ or not self._rest.strip():
            return ()
        return (_NO_FRAME,) if self.outermost and _NO_FRAME in self.language.frames else self.language.frames[:2]

    @property
    def _all_frames(self) -> tuple[Frame, ...]:
        frames = self.language.frames
        return (_NO_FRAME,) if self.top and _NO_FRAME in frames else frames

    def _fits(self, frame: Frame) -> bool:
        """Whether the lines parse in the frame, as they are or without the caret's own."""
        return not self._parse(frame, "").has_error or not self._lines(frame).has_error

    @cached_property
    def _possible(self) -> tuple[Frame, ...]:
        if self.known:
            return self.frames
        return tuple(dict.fromkeys((*self.frames, *self._all_frames)))

    @property
    def _rest(self) -> str:
        return self.above + self.below.partition("\n")[2]

    def _lines(self, frame: Frame) -> tree_sitter.Node:
        """The tree of the lines without the caret's own."""
        return self._tree(encode(f"{frame.open}{self._rest}\n{frame.close}"), None).root_node

    def _parse(self, frame: Frame, inserted: str) -> tree_sitter.Node:
        """The tree of all with ``inserted``."""
        before = encode(f"{frame.open}{self.above}{self.before}")
        new = encode(inserted)
        old, known = None, self._known.get(frame)
        if known is not None:
            old, was = known[0].copy(), encode(known[1])
            at, point = len(before), _point(before)
            old.edit(at, at + len(was), at + len(new), point, _point(before + was), _point(before + new))
        tree = self._tree(before + new + encode(f"{self.below}\n{frame.close}"), old)
        self._known[frame] = tree, inserted
        return tree.root_node

    def _tree(self, data: bytes, old: tree_sitter.Tree | None) -> tree_sitter.Tree:
        self._patience.begin()
        tree = self.language.parse_while(self._patience, data, old) if self._patience() else None
        self._patience.end()
        if tree is None:
            raise TooMuch
        return tree


def _point(data: bytes) -> tuple[int, int]:
    row = data.count(b"\n")
    return row, len(data) - data.rfind(b"\n") - 1


def _errors(root: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    """What the parser could not make sense of, or missed."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            yield node
        elif node.has_error:
            waiting.extend(node.children)
