"""Lines that stand where indentation cannot have them: what the parsers of such languages are lenient about.

    misplaced(python, "if x:\n    a\n      b\n")   # 1: the last line is deeper than the one above for no reason

    without_body(python, "if x:\na\n")             # True: the body of the first line misses

Lines of text and the scanner's brackets and strings; no parser.
"""

from __future__ import annotations

from collections.abc import Sequence

from kvlsp.syntax.language import Language
from kvlsp.syntax.scanner import Scan, end_line, indent_of, scan_line


def around(language: Language, lines: Sequence[str], states: Sequence[Scan]) -> tuple[int, ...]:
    """How deep the blocks are that a statement behind these lines may stand in, the outermost first; ``states``: what
    the scanner knows at the start of each."""
    found: list[int] = []
    for line, state in zip(reversed(lines), reversed(states), strict=True):
        if state.inside is not None or state.stack or not line.strip() or line.lstrip().startswith(
                language.line_comments):
            continue
        indent = indent_of(line)
        if not found or indent < found[-1]:
            found.append(indent)
        if not indent:
            break
    return tuple(reversed(found))


def without_body(language: Language, text: str, state: Scan) -> bool:
    """Whether a header in ``text`` is followed by a statement that is no deeper; ``state`` is that at its start. False
    where brackets make the blocks, and for a header with nothing behind it."""
    if language.layout == "braces":
        return False
    header, indent, goes_on = None, 0, bool(state.stack) or state.inside is not None
    for line in text.split("\n"):
        scan = scan_line(language, line, state)
        if not goes_on and (scan.last or (line.strip() and not scan.comment)):
            indent = indent_of(line)
            if header is not None and indent <= header:
                return True
            header = None
        state = end_line(scan)
        if scan.last:
            goes_on = bool(state.stack) or state.inside is not None or scan.last == "\\"
            header = indent if not goes_on and scan.last in language.openers else None
    return False


def misplaced(language: Language, text: str, blocks: Sequence[int] | None = None) -> int:
    """How many statements of ``text``, which begins at one, are deeper than the line above allows, or as deep as none
    of the blocks around them; 0 where brackets make the blocks. ``blocks``: those around the first line, None
    where they are not known. A header without a body is none of them."""
    if language.layout == "braces":
        return 0
    state, levels, opened, goes_on, count = Scan(), list(blocks or ()), True, False, 0
    for line in text.split("\n"):
        begins = not goes_on and state.inside is None and not state.stack and bool(line.strip())
        scan = scan_line(language, line, state)
        if begins and (scan.last or not scan.comment):
            indent = indent_of(line)
            if not levels or (opened and indent > levels[-1]):
                levels.append(indent)
            elif indent > levels[-1]:
                count += 1
            else:
                while levels and levels[-1] > indent:
                    levels.pop()
                if levels[-1] != indent if levels else blocks is not None:
                    count += 1
                if not levels:
                    levels.append(indent)
        state = end_line(scan)
        if scan.last and not state.stack and state.inside is None:
            goes_on, opened = scan.last == "\\", scan.last in language.openers
    return count
