"""A checkpoint as something that scores and continues token ids: plain transformers, no cache of ours.

The quality tables need a reference that shares nothing with the engine: one forward over the whole sequence.
It is also a completer of its own (greedy, no stop rules but the end token and a number of tokens).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM

from kvlsp import default_model
from kvlsp.prompt.families import detect
from kvlsp.prompt.template import Template
from kvlsp.tokens.tokenizer import Tokenizer


class Scorer:
    """Model, tokenizer and template of one folder, in float32 unless told otherwise."""

    def __init__(self, folder: Path | None = None, dtype: torch.dtype = torch.float32) -> None:
        self.folder = folder or default_model.folder()
        self.tokenizer = Tokenizer.load(self.folder)
        self.template: Template = detect(self.tokenizer.control)
        self._model = AutoModelForCausalLM.from_pretrained(self.folder, dtype=dtype).eval()
        self.context_length = int(self._model.config.max_position_embeddings)

    @torch.inference_mode()
    def losses(self, ids: Sequence[int], first: int) -> list[float]:
        """Bits to predict each of ids[first:] from all ids before it. `first` is at least 1."""
        tokens = torch.tensor(ids)
        hidden = self._model.base_model(input_ids=tokens[None, :-1]).last_hidden_state[0, first - 1 :]
        logits = self._model.get_output_embeddings()(hidden).float()
        return [
            loss / math.log(2) for loss in functional.cross_entropy(logits, tokens[first:], reduction="none").tolist()
        ]

    @torch.inference_mode()
    def continuation(self, ids: Sequence[int], longest: int, stop: Callable[[list[int]], bool]) -> list[int]:
        """Greedy continuation without the end token: until an end token, `longest` tokens, or stop(new
        ids).
        """
        step = torch.tensor(ids)[None]
        past, new = None, list[int]()
        while len(new) < longest:
            out = self._model(input_ids=step, past_key_values=past, use_cache=True, logits_to_keep=1)
            past = out.past_key_values
            best = int(out.logits[0, -1].argmax())
            if best in self.template.end:
                break
            new.append(best)
            if stop(new):
                break
            step = torch.tensor([[best]])
        return new

    def complete(self, prefix: str, suffix: str, single_line: bool = False, longest: int = 128) -> str:
        """Fill the hole between prefix and suffix, in the template's order."""
        ids = laid_out(self.template, self.encode(prefix), self.encode(suffix))
        room = self.context_length - longest
        if len(ids) > room:
            half = room // 2
            before, after = self.encode(prefix), self.encode(suffix)
            ids = laid_out(self.template, before[-half + 8 :], after[: half - 8])
        new = self.continuation(ids, longest, lambda new: single_line and "\n" in self.tokenizer.piece(new[-1]))
        return self.tokenizer.decode(new)

    def encode(self, text: str) -> list[int]:
        """Token ids of `text` as ordinary text."""
        ids: list[int] = self.tokenizer.encode(text).ids.tolist()
        return ids


def laid_out(template: Template, prefix: list[int], suffix: list[int]) -> list[int]:
    """Prompt ids up to where the middle begins."""
    first, second = (prefix, suffix) if template.order == "prefix_first" else (suffix, prefix)
    if template.order == "plain":
        return [*template.opening, *prefix]
    return [*template.opening, *first, *template.between, *second, *template.closing]
