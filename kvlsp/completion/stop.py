"""Where a completion ends: at the end of a line, a statement or a block, before text that stands below.

    rule = StopRule.begin(prefix, suffix, Language.of("python"), StopPolicy(multi_line="auto", max_lines=12))
    for piece in generated_pieces:            # the text of each accepted token, drafted ones too, one by one
        stop = rule.push(piece)
        if stop is not None:
            text = rule.generated[:stop.keep]
            break
    # where the model ends: rule.end(), None if all of it may stay
    # at the deadline: rule.generated[:rule.complete_part()]

``prefix`` and ``suffix`` may be cut to ``window.WINDOW`` characters. What it costs: each piece scans its own line
again; each finished line parses the enclosing block's prefix, a few lines. Which token is the end token, the token
limit and the deadline belong to the engine. Without a language, lines decide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from kvlsp.completion import statement
from kvlsp.completion.closing import Closing
from kvlsp.completion.loops import REPEATS, phrase_repeats, repeated_group
from kvlsp.completion.text_below import Echo
from kvlsp.syntax.block import Place
from kvlsp.syntax.language import Language
from kvlsp.syntax.scanner import CLOSERS, Scan, end_line, indent_of, scan_line

BLANK_LINES = 2
"""So many blank lines end a suggestion."""
COMMENT_LINES = 4
"""So many comment lines in a row end a suggestion."""

# A caret before these is at the end of its line for all that matters: editors insert them by themselves.
_CLOSERS_ONLY = re.compile(r"\s*[)\]}>\"'`]*\s*[:;,{]?\s*$")


class StopReason(str, Enum):
    """Why generation ended; counted and shown in reports."""

    LINE = "line"                # the end of the line, where one line was wanted
    STATEMENT = "statement"      # a statement is whole
    BLOCK = "block"              # the block was left by dedent or by its closing bracket
    BRACKET = "bracket"          # it would close a bracket that the suffix closes, or one that is not open
    SUFFIX = "suffix"            # it began to reproduce the line below
    BLANK = "blank"              # blank lines
    LOOP = "loop"                # equal lines again and again, or comments only
    MAX_LINES = "max_lines"
    UNCLOSED = "unclosed"        # the model ended it where a bracket or string is open that the suffix does not close

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class StopPolicy:
    """What the user chose."""

    multi_line: Literal["auto", "always", "never"] = "auto"
    max_lines: int = 12


@dataclass(frozen=True, slots=True)
class Stop:
    """Generation ends; the first ``keep`` characters generated are worth offering (0: none)."""

    reason: StopReason
    keep: int


class StopRule:
    """Watches one completion being generated. Not reusable."""

    def __init__(self, place: Place, policy: StopPolicy) -> None:
        self.place = place
        self.generated = ""
        self.stop: Stop | None = None
        self._policy = policy
        at_end = _CLOSERS_ONLY.match(place.line_after) is not None
        self.one_line = policy.multi_line == "never" or not at_end
        """Nothing of more than a line may be offered."""
        self.single_line = self.one_line or place.scan.inside is not None or place.commented
        braces = place.language is not None and place.language.layout == "braces"
        self._body = place.header is not None and not self.single_line and not place.has_body
        """Inside a block from its start: end with the block, not with its first statement."""
        self._floor: int | None = place.header if self._body and not braces else None
        """Indentation layout: a line at or left of this ends the block."""
        self._own_compound = False
        self._base: int | None = None if place.blank else indent_of(place.line_before)
        self._brackets = Closing(place)
        self._state = Scan(inside=place.scan.inside, comment=place.commented)
        self._excess_seen = 0
        self._line_start = 0
        self._line_checked = False
        self._lines: list[tuple[str, int]] = []
        """Finished lines that are not blank, with the offset of their end."""
        self._count = 0
        self._blank = 0
        self._comments = 0
        self._complete = 0
        self._content_end = 0
        self._waits = False
        """A statement is whole if the next line does not carry it on."""
        self._broken = False
        """Some line has ended inside a string that ends with its line."""
        self._echo = Echo(place)
        self._code_end = 0
        """End of the last line that does not end inside a string or comment."""

    @classmethod
    def begin(cls, prefix: str, suffix: str, language: Language | None,
              policy: StopPolicy | None = None) -> StopRule:
        """A rule for one completion between ``prefix`` and ``suffix``."""
        return cls(Place.at(prefix, suffix, language), policy or StopPolicy())

    def push(self, piece: str) -> Stop | None:
        """Takes the next generated text; a :class:`Stop` when generation ends (the same one from then on)."""
        self.generated += piece
        while self.stop is None:
            end = self.generated.find("\n", self._line_start)
            if end < 0:
                self._look(self.generated[self._line_start:], whole=False)
                break
            self._look(self.generated[self._line_start:end].rstrip("\r"), whole=True)
            if self.stop is None:
                self._finish_line(self.generated[self._line_start:end].rstrip("\r"))
                self._line_start, self._line_checked = end + 1, False
        if self.stop is None:
            prose = self.place.language is None or self._scan.inside is not None or self._scan.comment
            if phrase_repeats(self.generated, self.place.window, prose):
                self.stop = Stop(StopReason.LOOP, self._complete)
        return self.stop

    def check(self, generated: str) -> Stop | None:
        """Like :meth:`push`, given all that is generated so far."""
        return self.push(generated[len(self.generated):])

    def end(self) -> Stop | None:
        """The model has ended the text here. A :class:`Stop` at the last complete line or statement where what it began
        would stay open, None where all of it fits: the suffix closes what it opened."""
        if self.stop is None and self.place.leaves_open(self.generated, self._brackets.open):
            self.stop = Stop(StopReason.UNCLOSED, self._complete)
        return self.stop

    def complete_part(self) -> int:
        """How many characters form complete lines or statements: what may be answered at the deadline."""
        return self.stop.keep if self.stop is not None else self._complete

    @property
    def finished(self) -> tuple[tuple[str, int], ...]:
        """The lines that are finished and not blank, without indentation, and where each ends in what is generated."""
        return tuple(self._lines)

    # --- within a line ------------------------------------------------------------------------------------

    def _look(self, line: str, whole: bool) -> None:
        """Rules that need not wait for the end of the line: where it begins, and closing brackets."""
        self._scan = scan_line(self.place.language, line, self._state, self._line_start)
        closer_first = line.lstrip()[:1] in CLOSERS
        if not closer_first:
            self._look_at_start(line, whole)
        if self.stop is None:
            self._look_at_closers()
        if self.stop is None and closer_first:
            self._look_at_start(line, whole)

    def _look_at_start(self, line: str, whole: bool) -> None:
        if not self._line_checked and self._line_start and line.strip():
            self._line_checked = self._begin_line(line, whole)

    def _look_at_closers(self) -> None:
        for offset, character, _ in self._scan.excess[self._excess_seen:]:
            if self._waits and not self._line_checked:
                self.stop = Stop(StopReason.STATEMENT, self._complete)
                return
            if not self._brackets.close(character):
                # White space before the closer counts when the rest of the caret's line follows it.
                keep = len(self.generated[:offset].rstrip()) if not self.place.line_after.strip() else offset
                self.stop = Stop(StopReason.BRACKET, keep)
                return
        self._excess_seen = len(self._scan.excess)

    def _begin_line(self, line: str, whole: bool) -> bool:
        """Whether the start of a later line has been judged; a dedent out of the block stops."""
        language = self.place.language
        if language is None or self._state.inside is not None or self._state.stack:
            return True
        if language.layout == "braces":
            return self._begin_after_statement(line, whole, language)
        floor = self._floor
        if floor is None:  # further left than a statement begins it cannot go on
            floor = -1 if self._base is None or self.place.open else self._base - 1
        if indent_of(line) > floor:
            return True
        if self._own_compound and indent_of(line) == floor:
            word = line.strip().partition(" ")[0].rstrip(":{(")
            if not whole and word == line.strip() and any(known.startswith(word) for known in language.continues):
                return False
            if word in language.continues:
                return True
        self.stop = Stop(StopReason.BLOCK, self._complete)
        return True

    def _begin_after_statement(self, line: str, whole: bool, language: Language) -> bool:
        """Braces: the statement above was whole, unless this line carries it on."""
        if not self._waits:
            return True
        carried = statement.carries_on(language, line, whole)
        if carried:
            self._waits = False
        elif carried is not None:
            self.stop = Stop(StopReason.STATEMENT, self._complete)
        return carried is not None

    # --- at the end of a line -----------------------------------------------------------------------------

    def _finish_line(self, line: str) -> None:
        end = self._line_start + len(line)
        first = self._line_start == 0
        full = self.place.line_before + line if first else line
        scan, before = self._scan, self._content_end
        self._state = end_line(scan)
        self._broken = self._broken or (scan.inside is not None and self._state.inside is None and not scan.comment)
        self._excess_seen = len(self._state.excess)
        self._count += 1
        if not line.strip():
            self._finish_blank(full, first)
            return
        self._blank = 0
        self._content_end = end - (len(line) - len(line.rstrip()))
        if self._echo.hears(full, before) and (self.single_line or self._whole(scan, end)):
            self.stop = Stop(StopReason.SUFFIX, self._echo.start)
            return
        self._lines.append((full.strip(), self._content_end))
        if self._state.inside is None:
            self._code_end = self._content_end
        if self._state.inside is None and not self._state.stack:
            group = repeated_group([text for text, _ in self._lines], self.place.lines)
            if group:
                self.stop = Stop(StopReason.LOOP, self._lines[-group * (REPEATS - 1) - 1][1])
                return
        if self._base is None:
            self._base = indent_of(full)
        self._judge_statement(scan, end)
        if self.stop is None and self._count >= self._policy.max_lines:
            self.stop = Stop(StopReason.MAX_LINES, self._complete or self._code_end)

    def _finish_blank(self, full: str, first: bool) -> None:
        if full.strip():
            # Nothing was added to the caret's own line: a block opener goes on below, a whole statement not.
            if not self._body and (self.single_line or self._whole(self.place.scan, 0)):
                self.stop = Stop(StopReason.LINE if self.single_line else StopReason.STATEMENT, 0)
            return
        if self._waits:
            self.stop = Stop(StopReason.STATEMENT, self._complete)
            return
        self._blank += 1
        if self._blank >= BLANK_LINES + first and self._state.inside is None:
            self.stop = Stop(StopReason.BLANK, self._complete or self._content_end)

    def _judge_statement(self, scan: Scan, end: int) -> None:
        language = self.place.language
        if self.single_line or (language is None and self._policy.multi_line == "auto" and not self._body):
            self._complete = self._content_end
            self.stop = Stop(StopReason.LINE, self._content_end)
            return
        if self._only_comment(scan):
            self._comments += 1
            if self._comments >= COMMENT_LINES:
                keep = self._complete or self._lines[0][1]
                self.stop = Stop(StopReason.LOOP, keep)
            return
        self._comments = 0
        if self._brackets.left_block and not self._state.stack:
            self._complete = self._content_end
            self.stop = Stop(StopReason.BLOCK, self._content_end)
            return
        if statement.is_header(language, scan) and not self._brackets.own_open:
            if self._floor is None and self._base is not None:
                self._floor, self._own_compound = self._base, True
            return
        if self._whole(scan, end):
            self._complete = self._content_end
            if not self._body and self._floor is None and self._policy.multi_line != "always":
                if language is not None and (language.carries or (language.layout == "braces" and language.continues)):
                    self._waits = True
                else:
                    self.stop = Stop(StopReason.STATEMENT, self._content_end)
        elif self._ends_element(scan):
            self._complete = self._content_end

    def _ends_element(self, scan: Scan) -> bool:
        """In brackets that were open before the caret, and that nobody has closed yet, a line ends with a comma: all of
        what is generated may end there as the user's own lines do."""
        ended = scan.last == "," and not scan.stack and scan.inside is None
        return ended and not self._broken and self._brackets.own_open

    def _whole(self, scan: Scan, end: int) -> bool:
        """Whether a statement ends here."""
        return not self._brackets.own_open and statement.ends(self.place, self.generated[:end], scan)

    def _only_comment(self, scan: Scan) -> bool:
        beside_code = len(self._lines) == 1 and not self.place.blank
        return scan.comment and not scan.last and not beside_code
