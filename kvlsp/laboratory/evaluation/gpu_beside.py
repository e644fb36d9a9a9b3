"""The same model run by transformers as it comes: a prefill, and a token over a static cache, compiled.

What stands beside kvlsp's figures. transformers has no edit: after one it prefills again.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from kvlsp.laboratory.evaluation.gpu_shapes import Shape, random_model
from kvlsp.laboratory.evaluation.gpu_timing import Stopwatch


def beside(shape: Shape, contexts: tuple[int, ...], dtype: torch.dtype, watch: Stopwatch, compiled: bool = True
           ) -> list[dict[str, Any]]:
    """A line per context: milliseconds of a whole prefill with the last logits, and of a token behind it."""
    import transformers

    device = watch.device
    model = random_model(shape, max(contexts) + 64, device, dtype, attention="sdpa").eval()
    lines = []
    for context in contexts:
        ids = torch.randint(0, shape.vocabulary, (1, context), device=device)
        one = ids[:, :1].clone()
        line: dict[str, Any] = {"context": context}
        with torch.inference_mode():
            prefill = partial(model, ids, use_cache=True, logits_to_keep=1)
            line["prefill_ms"] = round(watch.wall_ms(prefill), 2)
        cache = transformers.StaticCache(config=model.config, max_cache_len=context + 64)
        place = torch.arange(context, device=device)
        with torch.no_grad():
            model(ids, past_key_values=cache, cache_position=place, use_cache=True, logits_to_keep=1)
            step = torch.compile(model.forward, mode="reduce-overhead", dynamic=False) if compiled else model.forward
            at = torch.tensor([context], device=device)

            def token(step: Any = step, one: Any = one, cache: Any = cache, at: Any = at) -> None:
                step(one, past_key_values=cache, cache_position=at, position_ids=at[None], use_cache=True)

            line["token_ms"] = round(watch.device_ms(token, warm=4), 3)
        lines.append(line)
    return lines
