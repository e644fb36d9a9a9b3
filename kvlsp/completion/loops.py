"""Text that goes in circles: the same lines, or one phrase, over and over, as the document never does.

    repeated_group(["a()", "a()", "a()"], above=[])        # 1: one line, REPEATS times
    phrase_repeats("x = 1.1.1.1.1.1 ...", document="")

Exact repetition only; the repetition of forms is :mod:`kvlsp.completion.penalty`'s. Text in, answers out.
"""

from __future__ import annotations

from collections.abc import Sequence

REPEATS = 3
"""So many equal lines, or groups of lines, in a row are a loop."""
LONGEST_GROUP = 4
"""Lines of a group."""
COPIES = 6
"""So many copies of a phrase in a row are a loop (two less of a longer phrase),"""
CHARACTERS = 40
"""if they are so long together."""
PROSE_COPIES, PROSE_CHARACTERS = 3, 12
"""In strings, comments and plain text, where no table is rightful, fewer do (two more of a short phrase)."""
LONGEST_PHRASE = 60
"""Characters of a phrase."""
FEW = 4
"""So few different characters in that many are a loop too, though no period can be named (digits mostly)."""
LOOKED_AT = 400
"""Characters at the end of the text in which phrases are looked for."""


def repeated_group(lines: Sequence[str], above: Sequence[str]) -> int:
    """Lines of the group that the (stripped) lines end with :data:`REPEATS` times, 0 when they do not.

    A group that the document's lines ``above`` hold twice in a row is no loop.
    """
    for size in range(1, LONGEST_GROUP + 1):
        tail = list(lines[-size * REPEATS:])
        group = tail[:size]
        if len(tail) == size * REPEATS and tail == group * REPEATS and max(map(len, tail)) > 2:
            known = [line.strip() for line in above if line.strip()]
            twice = 2 * group
            return 0 if any(known[at:at + len(twice)] == twice for at in range(len(known))) else size
    return 0


def phrase_repeats(text: str, document: str, prose: bool = False) -> bool:
    """Whether ``text`` ends in one phrase again and again, as ``document`` never does; line breaks are spaces.

    ``prose``: the end of the text is in a string, a comment or plain text.
    """
    tail = " ".join(text[-LOOKED_AT:].split())
    characters = PROSE_CHARACTERS if prose else CHARACTERS
    if len(tail) < characters:
        return False
    last = tail[-CHARACTERS:]
    if (len(last) == CHARACTERS and len(set(last)) <= FEW
            and sum(map(str.isalnum, last)) > len(last) // 2 and last not in document):
        return True
    nearest = tail.rfind(tail[-8:], 0, -1)
    period = len(tail) - 8 - nearest
    if nearest < 0 or period > LONGEST_PHRASE:
        return False
    run = 0
    while run + period < len(tail) and tail[-1 - run] == tail[-1 - run - period]:
        run += 1
    phrase = tail[-period:]
    if prose and "\\" not in phrase and sum(map(str.isalpha, phrase)) > 1:
        copies = PROSE_COPIES + 2 if period < 8 else PROSE_COPIES
    else:  # escapes, rulers and numbers are tables wherever they stand
        copies, characters = COPIES if period < 8 else COPIES - 2, CHARACTERS
    if run // period + 1 < copies or run + period < characters:
        return False
    return any(map(str.isalnum, phrase)) and phrase * copies not in " ".join(document.split())
