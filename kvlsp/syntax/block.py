"""What encloses a caret: a bounded window above it, the open brackets, the lines of its block.

    place = Place.at(prefix, suffix, language)
    place.line_before, place.line_after     # the caret's line, cut at the caret
    place.open                              # brackets open at the caret, and which the suffix closes
    place.block                             # lines of the enclosing block, up to the caret
    place.parses(generated)                 # whether block + generated text is whole
    place.leaves_open(generated, outer)     # whether a bracket or string of it misses its end in the suffix

Only :data:`window.WINDOW` characters on each side are looked at, so callers may pass just those.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from kvlsp.errors import TooCostly
from kvlsp.syntax.held import OpenBracket, held_brackets, read_inside
from kvlsp.syntax.language import Frame, Language, StringKind
from kvlsp.syntax.scanner import CLOSER_OF, CLOSERS, Bracket, Scan, end_line, indent_of, scan_line, scan_lines
from kvlsp.syntax.window import WINDOW, goes_on, line_states, window_lines

BLOCK = 1500
"""The block's prefix is cut at a statement's start once it is longer than this."""
LONGEST = 3000
"""A block longer than this, one statement mostly, is not parsed: no frame can tell."""
_ATTRIBUTES = ("@", "#[")
"""What begins a line that belongs to the one below it: nothing is cut off between the two."""
_GOES_ON = (">", "/>", "{")
"""What begins a line that belongs to the one above it, as what carries a statement on does."""
_WAITS = ("=", "=>", "+", "&", "|", "?")
"""What ends a line that another one belongs to."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Place:
    """The surroundings of a caret, computed once per completion."""

    language: Language | None
    line_before: str
    line_after: str
    following: str
    """The lines after the caret's line, at most :data:`window.WINDOW` characters."""
    below: str
    """The first non-blank line after the caret's line, with its indentation ("" when there is none)."""
    scan: Scan
    """State at the caret; its stack covers the window only."""
    open: tuple[OpenBracket, ...]
    block: str
    """The enclosing block's lines from a statement's start to the caret."""
    inner: int
    """``open[inner:]`` were opened by the caret's own statement; those before enclose its block."""
    lines: tuple[str, ...]
    """The window above the caret, line by line; the last is :attr:`line_before`."""
    states: tuple[Scan, ...]
    """What the scanner knows at the start of each of :attr:`lines`."""
    header: int | None
    """Indentation of the block opener right above or before the caret, None when there is none."""
    from_start: bool
    """:attr:`lines` begin where the document does."""

    @staticmethod
    @lru_cache(maxsize=8)  # rules that judge one completion ask for the same place
    def at(prefix: str, suffix: str, language: Language | None) -> Place:
        lines = window_lines(prefix)
        states = line_states(language, tuple(lines[:-1]), whole=len(prefix) < WINDOW)
        line_before = lines[-1]
        scan = scan_line(language, line_before, states[-1])
        line_after, _, rest = suffix[:WINDOW].partition("\n")
        line_after = line_after.rstrip("\r")
        held = held_brackets(language, scan, line_before, line_after, rest)
        opened = tuple(OpenBracket(bracket, flag) for bracket, flag in zip(scan.stack, held, strict=True))
        inner = statement_brackets(language, scan.stack, lines)
        header = _header(language, lines, states, scan)
        return Place(
            language=language, line_before=line_before, line_after=line_after, following=rest,
            below=_first_line(rest),
            scan=scan, open=opened, block=_block(language, lines, states, inner, header), inner=inner,
            header=header, lines=tuple(lines), states=states, from_start=len(prefix) < WINDOW,
        )

    @cached_property
    def window(self) -> str:
        """The text above the caret that was looked at."""
        return "\n".join(self.lines)

    @property
    def blank(self) -> bool:
        """Nothing but white space stands before the caret on its line."""
        return not self.line_before.strip()

    @cached_property
    def commented(self) -> bool:
        """Whether the caret is in a comment that ends with its line."""
        if not self.scan.comment or self.scan.inside is not None:
            return False
        return scan_line(self.language, self.line_before + "(", self.states[-1]).stack == self.scan.stack

    @cached_property
    def enclosed_above(self) -> bool:
        """Whether what is looked at begins inside of something: brackets may be open that are out of sight, and the
        suffix closes those as well."""
        first = next((line for line in self.lines if line.strip()), "")
        return not self.from_start and indent_of(first) > 0

    @property
    def has_body(self) -> bool:
        """Lines of the block that :attr:`header` opens stand below the caret already."""
        below = self.below.strip()
        if self.header is None or not below or self.line_after.strip() or self.language is None:
            return False
        if self.language.layout == "braces":
            return below[0] not in CLOSERS
        return indent_of(self.below) > self.header

    @cached_property
    def balanced(self) -> bool:
        """Whether the suffix closes just the brackets that are open, however they are indented."""
        closers = [CLOSER_OF[bracket.character] for bracket in reversed(self.scan.stack)]
        return not self._end.stack and [character for _, character, _ in self._end.excess] == closers

    @cached_property
    def opens_inside(self) -> bool:
        """Whether the suffix, read from the caret on, ends in a string or comment: then it may begin in one."""
        return self._end.inside is not None

    @cached_property
    def held(self) -> StringKind | None:
        """The string or comment that the caret is in, if the suffix ends it and is code from there on."""
        inside = self.scan.inside
        if inside is None or self._goes_on_below(inside):
            return inside
        # A string that begins as it ends may as well begin below; what is looked at may end inside another comment.
        doubtful = inside.lines and not inside.comment and self._end.inside is not None
        return inside if self.ends(inside) and not doubtful else None

    def _goes_on_below(self, inside: StringKind) -> bool:
        """Whether a string that was open above the caret's line has its end behind it, as far as the looks of the lines
        tell: there is more behind the caret than is looked at, and that may end in another one."""
        cut = len(self.line_after) + len(self.following) >= WINDOW - 2  # but for a line break of two characters
        return (cut and not inside.comment and self.states[-1].inside is inside and inside.close in self.following
                and goes_on(self.language, self.following.split("\n"), inside))

    @cached_property
    def _end(self) -> Scan:
        """The state at the end of the suffix, whose beginning is inside of what the caret is in."""
        state = Scan(inside=read_inside(self.language, self.scan, self.line_after))
        for line in (self.line_after, *self.following.split("\n")):
            state = end_line(scan_line(self.language, line, state))
        return state

    @cached_property
    def frames(self) -> tuple[Frame, ...]:
        """The frames under which the block parses before anything is generated; empty: the text is broken."""
        if self.language is None or len(self.block) > LONGEST:
            return ()
        if (self.language.layout == "indentation" and self.inner < len(self.open)
                and self.open[self.inner].bracket.line < self.scan.line):
            return ()
        above = self.block[:len(self.block) - len(self.line_before)]
        if not above.strip():
            return self.language.frames
        return tuple(frame for frame in self.language.frames if self._whole(frame, above))

    def parses(self, generated: str) -> bool:
        """Whether the block with ``generated`` after the caret parses; True where no frame can tell."""
        return not self.frames or any(self._whole(frame, self.block + generated) for frame in self.frames)

    def leaves_open(self, generated: str, outer: Sequence[OpenBracket]) -> bool:
        """Whether ``generated`` opens a bracket, string or comment that the suffix does not close, or leaves one of
        ``outer`` without its closer: those of :attr:`open` that it has not closed. False without a language."""
        if self.language is None:
            return False
        text = self.line_before + generated
        scan = scan_lines(self.language, text, self.states[-1])
        if scan.inside is not None and self.scan.inside is None and not self.ends(scan.inside):
            return True
        aligned = None if self.enclosed_above else len(outer)
        held = held_brackets(self.language, scan, text.rpartition("\n")[2], self.line_after, self.following, aligned)
        return not all(held[len(outer):]) or any(
            was.held and not now for was, now in zip(outer, held, strict=False))

    def held_behind(self, generated: str) -> int:
        """How many of the brackets that are open behind ``generated`` the suffix closes."""
        text = self.line_before + generated
        scan = scan_lines(self.language, text, self.states[-1])
        return sum(held_brackets(self.language, scan, text.rpartition("\n")[2], self.line_after, self.following,
                         len(self.scan.stack)))

    def ends(self, inside: StringKind) -> bool:
        """Whether the suffix ends this string or comment, were the caret inside of it."""
        suffix = f"{self.line_after}\n{self.following}" if inside.lines else self.line_after
        if inside.comment:
            rest, end, _ = suffix.partition(inside.close)
            return bool(end) and inside.open not in rest
        return scan_lines(self.language, suffix, Scan(inside=inside)).inside is None

    def _whole(self, frame: Frame, lines: str) -> bool:
        assert self.language is not None
        try:
            return not self.language.parse(f"{frame.open}{lines}\n{frame.close}").root_node.has_error
        except TooCostly:
            return False


def _first_line(text: str) -> str:
    for line in text.split("\n"):
        if line.strip():
            return line.rstrip()
    return ""


def statement_brackets(language: Language | None, stack: Sequence[Bracket], lines: Sequence[str]) -> int:
    """Where in the stack the brackets of the innermost statement begin: those before enclose its block."""
    if language is None or language.layout == "indentation":
        return 0
    for index in range(len(stack) - 1, -1, -1):
        bracket = stack[index]
        if bracket.character == "{" and lines[bracket.line].rstrip().endswith("{"):
            return index + 1
    return 0


def _header(language: Language | None, lines: list[str], states: Sequence[Scan], scan: Scan) -> int | None:
    """Indentation of the block opener before the caret, on its line or on the last one that is not blank."""
    if language is None or scan.inside is not None:
        return None
    row = len(lines) - 1
    while row >= 0 and not lines[row].strip():
        row -= 1
    if row < 0:
        return None
    state = scan if row == len(lines) - 1 else scan_line(language, lines[row], states[row])
    if state.last not in language.openers or (language.layout == "indentation" and state.stack):
        return None
    while row > 0 and states[row].stack and language.layout == "indentation":
        row -= 1
    header = indent_of(lines[row])
    blank_caret = not lines[-1].strip()
    if blank_caret and lines[-1] and indent_of(lines[-1]) <= header and language.layout == "indentation":
        return None
    return header


def _block(language: Language | None, lines: list[str], states: Sequence[Scan], inner: int,
           header: int | None) -> str:
    """Lines from a clean statement start of the enclosing block to the caret."""
    if language is None:
        return lines[-1]
    base = header if header is not None and language.layout == "indentation" else indent_of(lines[-1])
    return "\n".join(lines[block_lines(language, lines, states, inner, base):])


def block_lines(language: Language, lines: Sequence[str], states: Sequence[Scan], inner: int, base: int | None,
                top: int = 0) -> int:
    """Where in ``lines`` a clean statement start of the block lies that encloses the last one.

    The block lies inside ``inner`` brackets, from line ``top`` on and, where indentation makes blocks, ``base`` columns
    deep.
    """
    braces = language.layout == "braces"
    base = base or 0
    start, size, least = len(lines) - 1, len(lines[-1]), 1 << 30
    for row in range(len(lines) - 2, top - 1, -1):
        line, state = lines[row], states[row]
        size += len(line) + 1
        if state.inside is not None or len(state.stack) > inner or not line.strip():
            continue
        if len(state.stack) < inner or (not braces and indent_of(line) < base):
            break
        if goes_on_with(language, line, lines[row - 1] if row else "") or indent_of(line) > (least if braces else base):
            continue
        start = row
        if not line.lstrip().startswith((*language.directives, *language.line_comments)):  # those stand anywhere
            least = indent_of(line)
        if size > BLOCK:
            break
    return start


def goes_on_with(language: Language, line: str, above: str) -> bool:
    """Whether what began ``above`` goes on with this line: nothing is cut off between the two."""
    begun, ended = line.lstrip(), above.rstrip()
    word = _WORD.match(begun)
    if (word and word.group() in language.continues) or ended.lstrip().startswith(_ATTRIBUTES):
        return True
    return language.layout == "braces" and (
        begun.startswith((*_GOES_ON, *language.carries)) or (ended.endswith(_WAITS) and not ended.endswith("++")))
