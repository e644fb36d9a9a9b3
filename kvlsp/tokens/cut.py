"""A document's tokens divided at the caret, for fill-in-the-middle: prefix and suffix tokenized apart.

Cutting a text changes the tokens beside the cut, so a cut is most of the document's tokens by reference and
a few of its own on both sides. Text-initial rules (a dummy space at a document's start) hold for the prefix
only: the suffix is tokenized as a continuation, also when the caret is at the document's start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from kvlsp.tokens.document import TokenizedText

Ids = npt.NDArray[np.int32]
Serials = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """The prefix is document tokens [0, left) and then the tail; the suffix is the head and then [right, n).

    The concatenating methods take the tokens that were cut: the same object, without an edit in between.
    """

    caret: int
    left: int
    tail_ids: Ids
    tail_serials: Serials
    head_ids: Ids
    head_serials: Serials
    right: int

    def prefix_ids(self, tokens: TokenizedText) -> Ids:
        """int32 ids of the text before the caret."""
        return np.concatenate((tokens.ids[: self.left], self.tail_ids))

    def prefix_serials(self, tokens: TokenizedText) -> Serials:
        """int64 serials of the same tokens."""
        return np.concatenate((tokens.serials[: self.left], self.tail_serials))

    def suffix_ids(self, tokens: TokenizedText) -> Ids:
        """int32 ids of the text after the caret."""
        return np.concatenate((self.head_ids, tokens.ids[self.right :]))

    def suffix_serials(self, tokens: TokenizedText) -> Serials:
        """int64 serials of the same tokens."""
        return np.concatenate((self.head_serials, tokens.serials[self.right :]))
