"""Suggestions that were computed before: typing that agrees shortens them, going back finds them again.

    answers = Answers()                                   # one per document
    answers.remember(prefix, suffix, "items.append(x)")
    answers.recall(prefix + "items.", suffix)             # "append(x)": no model call
    answers.reject(prefix, suffix, "items.append(x)", now=clock())
    answers.rejected(prefix + "it", suffix, "ems.append(x)", now=clock())    # True for a while

A place is known by the text around it, not by its offset, so edits elsewhere do not lose it; an answer is
forgotten when newer ones crowd it out or :meth:`Answers.forget` is called. Only :data:`CONTEXT` characters on
each side are compared, so callers may pass just those plus the typed text. No clock of its own: ``now`` is in
seconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

CONTEXT = 256
"""Characters before and after the caret that name a place."""
KEPT = 32
"""Answers and rejections kept per document."""
REJECTED_FOR = 60.0
"""Seconds in which a rejected suggestion is not offered again at its place."""

_CLOSERS = frozenset(")]}\"'`>")


@dataclass(frozen=True, slots=True)
class Remembered:
    """A text for the place between ``before`` and ``after``, of which its model was so sure (0 to 1)."""

    before: str
    after: str
    text: str
    confidence: float


class Answers:
    """What was offered in one document, and what was turned down."""

    def __init__(self) -> None:
        self._answers: deque[Remembered] = deque(maxlen=KEPT)
        self._rejected: deque[tuple[_Place, float]] = deque(maxlen=KEPT)

    def remember(self, prefix: str, suffix: str, text: str, confidence: float = 1.0) -> None:
        """Keeps a suggestion for this place; a newer one for the same place replaces it."""
        answer = Remembered(prefix[-CONTEXT:], suffix[:CONTEXT], text, confidence)
        self._answers = deque((known for known in self._answers
                               if (known.before, known.after) != (answer.before, answer.after)), maxlen=KEPT)
        if text:
            self._answers.appendleft(answer)

    def at(self, prefix: str, suffix: str) -> Remembered | None:
        """What was made for just this place."""
        place = prefix[-CONTEXT:], suffix[:CONTEXT]
        return next((known for known in self._answers if (known.before, known.after) == place), None)

    def recall(self, prefix: str, suffix: str, least: float = 0.0) -> str | None:
        """The rest of the newest suggestion that agrees with what was typed since; None when there is none of at least
        this confidence.

        Closers that the editor inserted by itself after the caret are left out of the answer.
        """
        for answer in self._answers:
            rest = _rest_of(answer, prefix) if answer.confidence >= least else None
            if rest:
                rest = _without_closers(rest, answer.after, suffix)
            if rest:
                return rest
        return None

    def recall_all(self, prefix: str, suffix: str) -> tuple[str, ...]:
        """Every remembered suggestion that agrees, newest first, without duplicates (for cycling)."""
        found = (_without_closers(rest, answer.after, suffix)
                 for answer in self._answers if (rest := _rest_of(answer, prefix)))
        return tuple(dict.fromkeys(rest for rest in found if rest))

    def forget(self) -> None:
        """Forgets all suggestions, not what was rejected."""
        self._answers.clear()

    def reject(self, prefix: str, suffix: str, text: str, now: float) -> None:
        """The user turned this suggestion down here."""
        self._rejected.append((_place(prefix, suffix, text), now + REJECTED_FOR))
        kept = (known for known in self._answers if _rest_of(known, prefix) != text)
        self._answers = deque(kept, maxlen=KEPT)

    def rejected(self, prefix: str, suffix: str, text: str, now: float) -> bool:
        """Whether the same lines would come of it as of a suggestion rejected here a short while ago, or these and
        more: what was turned down may have been the first lines of it."""
        place = _place(prefix, suffix, text)
        return any(until > now and known.begins(place) for known, until in self._rejected)


def _rest_of(answer: Remembered, prefix: str) -> str | None:
    """What of the answer is still to be typed at the end of ``prefix``, None if the typing disagrees."""
    tail = prefix[-CONTEXT - len(answer.text):]
    for typed in range(min(len(answer.text), len(tail)) + 1):
        # Compared from the end, so that the first characters decide; the context is compared last.
        if tail.endswith(answer.text[:typed]):
            before = tail[:len(tail) - typed]
            whole = len(answer.before) < CONTEXT
            if before == answer.before if whole else before.endswith(answer.before):
                return answer.text[typed:]
    return None


def _without_closers(rest: str, after: str, suffix: str) -> str | None:
    """The rest when the suffix is as it was, or as it was but for closers the editor put before it."""
    suffix = suffix[:CONTEXT + 8]
    if suffix[:len(after)] == after and (len(after) == CONTEXT or len(suffix) == len(after)):
        return rest
    count = 0
    while count < len(suffix) and suffix[count] in _CLOSERS:
        count += 1
        shorter = min(len(after), CONTEXT - count)
        if suffix[count:count + shorter] == after[:shorter] and rest.endswith(suffix[:count]):
            return rest[:-count]
    return None


@dataclass(frozen=True, slots=True)
class _Place:
    """What comes of inserting a text, the same for every caret that leads to the same line: the ``lines`` that it ends,
    from the beginning of the caret's on, what stands ``above`` them, and these lines with what follows in the last."""

    above: str
    lines: str
    whole: str

    def begins(self, other: _Place) -> bool:
        """Whether the other one is the same, or has these lines and more below them."""
        same = self.whole == other.whole or other.lines.startswith(self.lines + "\n")
        return same and self.above == other.above


def _place(prefix: str, suffix: str, text: str) -> _Place:
    above, _, line = prefix[-4 * CONTEXT:].rpartition("\n")
    lines = line + text
    return _Place(above[-CONTEXT:], lines, lines + suffix.partition("\n")[0][:CONTEXT])
