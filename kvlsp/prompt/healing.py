"""Token healing: the last tokens before the caret are taken back when the caret may stand inside one of them.

Cutting a text at the caret changes how it is tokenized at two places of three: ``retu|`` ends with
tokens that no model saw before ``rn``. The last token is hidden and the first generated tokens must spell it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kvlsp.tokens.tokenizer import Tokenizer


def heal(tokenizer: Tokenizer, prefix: npt.NDArray[np.int32]) -> tuple[int, str]:
    """How many tokens at the end of ``prefix`` to take back, and the text they spell; (0, "") for none.

    A token is taken back only if it is whole text and a longer token begins with it, and never the only one.
    """
    if len(prefix) < 2:
        return 0, ""
    text = tokenizer.decode(prefix[-1:])
    if not text or "\ufffd" in text or text.endswith("\n"):
        return 0, ""
    longer = tokenizer.starting_with(text)
    return (1, text) if np.any(longer != prefix[-1]) else (0, "")
