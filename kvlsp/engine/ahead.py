"""After a suggestion was accepted, the next one is computed before anybody asks: people accept in runs.

It becomes an answer in memory, found by the request that follows. Any message ends it at the next token.
"""

from __future__ import annotations

from kvlsp.cache.repair import Interrupted
from kvlsp.completion.answers import Answers
from kvlsp.completion.drafts import Drafting
from kvlsp.config import Settings
from kvlsp.engine.completing import Completing
from kvlsp.engine.session import Session


def compute_ahead(session: Session, settings: Settings, drafter: Drafting | None, answers: Answers,
                  interrupted: Interrupted) -> bool:
    """Complete at the session's caret and remember the answer; False when interrupted."""
    completing = Completing(session, session.caret, settings, drafter=drafter)
    if completing.refused is not None or answers.recall(completing.prefix, completing.suffix) is not None:
        return True
    try:
        if not completing.prepare(interrupted):
            return False
        while not completing.step():
            if interrupted():
                return False
        texts, _ = completing.answers()
        for text in texts[:1]:
            answers.remember(completing.prefix, completing.suffix, text)
        return True
    finally:
        completing.close()
