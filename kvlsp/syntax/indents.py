"""Lines that stand where indentation cannot have them: what the parsers of such languages are lenient about.

    misplaced(python, "if x:\n    a\n      b\n")   # 1: the last line is deeper than the one above for no reason

Lines of text and the scanner's brackets and strings; no parser. A header without a body is none of them.
"""

from __future__ import annotations

from kvlsp.syntax.language import Language
from kvlsp.syntax.scanner import Scan, end_line, indent_of, scan_line


def misplaced(language: Language, text: str) -> int:
    """How many statements of ``text``, which begins at one, are deeper than the line above allows, or as deep as none
    of the blocks around them; 0 where brackets make the blocks."""
    if language.layout == "braces":
        return 0
    state, levels, opened, goes_on, count = Scan(), list[int](), False, False, 0
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
                if levels and levels[-1] != indent:
                    count += 1
                if not levels:
                    levels.append(indent)
        state = end_line(scan)
        if scan.last and not state.stack and state.inside is None:
            goes_on, opened = scan.last == "\\", scan.last in language.openers
    return count
