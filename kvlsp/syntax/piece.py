"""A few lines of code with a gap at a caret, parsed with one text after the other in it.

    piece.parses(inserted)       # whether they are whole with the text between them
    piece.behind(inserted)       # what the text behind it has become

The lines are taken out of their file, so they are parsed in the frames (:class:`kvlsp.syntax.language.Frame`) that fit
them; which do shows in what stood there before. Each text is parsed from the tree of the one before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
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

FARTHEST = 3
"""Of so many frames, in which the most is read before the first error, it is counted how many errors there are."""

_WORD = re.compile(r"\w+")
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
    ``cut``: it was cut inside brackets, which were closed: a statement may miss its end.
    """

    language: Language
    above: str
    before: str
    below: str
    outermost: bool
    top: bool
    cut: bool
    _patience: Patience = field(compare=False)
    _clean: dict[str, Frame] = field(default_factory=dict, compare=False)
    """What was inserted -> a frame in which that parses."""
    _known: dict[Frame, tuple[tree_sitter.Tree, str]] = field(default_factory=dict, compare=False)
    """What was parsed last in a frame, and what was inserted: the next text differs from it by that alone."""
    _others: dict[Frame, bool] = field(default_factory=dict, compare=False)
    """Whether the lines without the caret's own parse in a frame."""
    _reached: dict[Frame, int] = field(default_factory=dict, compare=False)
    """About how many bytes of it were read in a frame before the first error."""

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
        if self.outermost and _NO_FRAME in frames and self._sound(_NO_FRAME, ""):
            return (_NO_FRAME,)
        for sound in (lambda frame: self._sound(frame, ""), self._lines):
            found = tuple(filter(sound, frames))
            if found:
                return (_NO_FRAME,) if self.outermost and _NO_FRAME in found else found
        farthest = sorted(frames, key=lambda frame: -self._reached.get(frame, 0))[:FARTHEST]
        errors = {frame: sum(1 for _ in _errors(self._parse(frame, ""))) for frame in farthest}
        return (min(farthest, key=errors.__getitem__),)

    def parses(self, inserted: str) -> bool:
        """Whether the piece is whole with ``inserted`` in it, in any frame where none is known to fit."""
        for frame in self._first_frames:  # most often that is all
            if self._sound(frame, inserted) and self._fits(frame):
                self._clean[inserted] = frame
                return True
        for frame in self._possible:
            if self._sound(frame, inserted):
                self._clean[inserted] = frame
                return True
        return False

    def sure(self, inserted: str) -> bool:
        """Whether the lines fit in a frame, and with ``inserted`` all in which they do say the same of them."""
        return self.known and len({self._sound(frame, inserted) for frame in self.frames}) == 1

    def could_parse(self, inserted: str) -> bool:
        """Like :meth:`parses`, in the likely frames only."""
        return any(self._sound(frame, inserted) for frame in self.frames)

    def whole(self, inserted: str) -> bool:
        """Whether the lines above and ``inserted`` are whole without anything behind."""
        text = f"{self.above}{self.before}{inserted}"
        whole = (self._tree(encode(f"{frame.open}{text}\n{frame.close}"), None) for frame in self.frames)
        return any(not tree.root_node.has_error for tree in whole)

    def broken_before(self, inserted: str) -> bool:
        """Whether all that cannot be parsed with ``inserted`` in the piece stands before the word before the caret."""
        before = _without_last_word(self.above + self.before)
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
        frames = (_NO_FRAME,) if self.top and _NO_FRAME in frames else frames
        if not self.cut or ";" not in self.language.ends:
            return frames
        statements = dict.fromkeys((frames[0], _NO_FRAME if _NO_FRAME in frames else frames[0]))
        return *frames, *(Frame(frame.open, f";{frame.close}") for frame in statements)

    def _fits(self, frame: Frame) -> bool:
        """Whether the lines parse in the frame, as they are or without the caret's own."""
        return self._sound(frame, "") or self._lines(frame)

    @cached_property
    def _possible(self) -> tuple[Frame, ...]:
        if self.known:
            return self.frames
        return tuple(dict.fromkeys((*self.frames, *self._all_frames)))

    @property
    def _rest(self) -> str:
        return self.above + self.below.partition("\n")[2]

    def _lines(self, frame: Frame) -> bool:
        """Whether the lines without the caret's own parse in the frame."""
        if frame not in self._others:
            tree = self._begin(encode(f"{frame.open}{self._rest}\n{frame.close}"), None, lambda _: None)
            self._others[frame] = tree is not None and not tree.root_node.has_error
        return self._others[frame]

    def _sound(self, frame: Frame, inserted: str) -> bool:
        """Whether it parses in the frame with ``inserted``: read to the first error."""
        data, old = self._beside(frame, inserted)

        def at_error(offset: int) -> None:
            self._reached[frame] = max(self._reached.get(frame, 0), offset - len(frame.open))

        tree = self._begin(data, old, at_error)
        if tree is not None:
            self._known[frame] = tree, inserted
        return tree is not None and not tree.root_node.has_error

    def _parse(self, frame: Frame, inserted: str) -> tree_sitter.Node:
        """The tree of all with ``inserted``."""
        data, old = self._beside(frame, inserted)
        tree = self._tree(data, old)
        self._known[frame] = tree, inserted
        return tree.root_node

    def _beside(self, frame: Frame, inserted: str) -> tuple[bytes, tree_sitter.Tree | None]:
        """All with ``inserted``, and the tree of what was parsed last, edited to become that."""
        before = encode(f"{frame.open}{self.above}{self.before}")
        new = encode(inserted)
        old, known = None, self._known.get(frame)
        if known is not None:
            old, was = known[0].copy(), encode(known[1])
            at, point = len(before), _point(before)
            old.edit(at, at + len(was), at + len(new), point, _point(before + was), _point(before + new))
        return before + new + encode(f"{self.below}\n{frame.close}"), old

    def _tree(self, data: bytes, old: tree_sitter.Tree | None) -> tree_sitter.Tree:
        tree = self._begin(data, old, None)
        assert tree is not None  # nothing but an error or the end of patience ends a parse
        return tree

    def _begin(self, data: bytes, old: tree_sitter.Tree | None,
               at_error: Callable[[int], None] | None) -> tree_sitter.Tree | None:
        """The tree of ``data``; None where it was ended at the first error, which ``at_error`` was told of."""
        failed: list[int] = []

        def heard(offset: int) -> None:
            failed.append(offset)
            if at_error is not None:
                at_error(offset)

        self._patience.begin()
        tree = self.language.parse_while(self._patience, data, old, at_error=None if at_error is None else heard
                                         ) if self._patience() else None
        self._patience.end()
        if tree is None and not failed:
            raise TooMuch
        return tree


def _without_last_word(text: str) -> str:
    """The text without the word or sign that it ends with, and the blanks behind that."""
    text = text.rstrip()
    word = _WORD.match(text[::-1])  # from the end: a pattern that ends there would be tried at every letter before
    return text[: -word.end()] if word is not None else text[:-1]


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
