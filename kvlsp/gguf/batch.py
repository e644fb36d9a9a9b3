"""A batch of llama.cpp over arrays that are filled at once: tokens at explicit positions, each in one sequence."""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt

from kvlsp.gguf.api import Api

Numbers = npt.NDArray[np.int64]


class Batch:
    """Room for ``most`` tokens, used again and again."""

    def __init__(self, api: Api, most: int) -> None:
        self.most = most
        self._token, self._position, self._sequence = (np.zeros(most, np.int32) for _ in range(3))
        self._ones = np.ones(most, np.int32)
        self._wanted = np.zeros(most, np.int8)
        # each token has a list of sequences: here always one, and they lie behind one another
        self._lists = (self._sequence.ctypes.data + 4 * np.arange(most)).astype(np.uint64)
        numbers, lists = ctypes.POINTER(ctypes.c_int32), ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))
        self.struct = api.llama_batch(
            n_tokens=0, token=self._token.ctypes.data_as(numbers), embd=None,
            pos=self._position.ctypes.data_as(numbers), n_seq_id=self._ones.ctypes.data_as(numbers),
            seq_id=ctypes.cast(self._lists.ctypes.data, lists),
            logits=self._wanted.ctypes.data_as(ctypes.POINTER(ctypes.c_int8)),
        )  # fmt: skip

    def fill(self, tokens: Numbers, positions: Numbers, sequences: Numbers, wanted: npt.NDArray[np.bool_]) -> None:
        """All (n,), n at most ``most``; the positions of a sequence follow one another."""
        count = len(tokens)
        self._token[:count], self._position[:count] = tokens, positions
        self._sequence[:count], self._wanted[:count] = sequences, wanted
        self.struct.n_tokens = count
