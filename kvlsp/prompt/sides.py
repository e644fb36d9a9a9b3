"""The two sides of a caret, as far as a window lays them out."""

from __future__ import annotations

import numpy as np

from kvlsp.prompt.layout import Cells, Ids, Run
from kvlsp.prompt.window import Window
from kvlsp.tokens.cut import Cut


def sides(ids: Ids, serials: Cells, cut: Cut, window: Window) -> tuple[Run, Run]:
    """Tokens before and after the caret that are laid out, tokenized apart at the ``cut``; ``ids`` and ``serials`` (n,)
    are those of the document."""
    before = [slice(start, min(end, cut.left)) for start, end in window.spans if start < cut.left]
    after = [slice(max(start, cut.right), end) for start, end in window.spans if end > cut.right]
    prefix = Run(
        np.concatenate([*(ids[span] for span in before), cut.tail_ids]),
        np.concatenate([*(serials[span] for span in before), cut.tail_serials]),
    )
    suffix = Run(
        np.concatenate([cut.head_ids, *(ids[span] for span in after)]),
        np.concatenate([cut.head_serials, *(serials[span] for span in after)]),
    )
    return prefix, suffix
