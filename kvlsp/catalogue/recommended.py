"""Models to begin with, by size: bases that their makers trained to fill in code, of architectures that kvlsp repairs.

Numbers are of their configurations; whether one suits a machine is measured there (``fitting``). None of these
checkpoints was at hand: the tests repair tiny random models of the same architectures, and only a model's own gate
(``kvlsp doctor --gate``) says how well repair works for the real one.
"""

from __future__ import annotations

from typing import Final

from kvlsp.catalogue.entry import Entry


def _hub(name: str, parameters: int, layers: int, kv_heads: int, width: int, licence: str, remark: str) -> Entry:
    return Entry(
        name,
        "hub",
        parameters,
        layers,
        3 * layers * kv_heads * width,
        2 * parameters,
        True,
        licence,
        remark,
        here=False,
    )


RECOMMENDED: Final = (
    _hub("Qwen/Qwen2.5-Coder-0.5B", 494_032_768, 24, 2, 64, "apache-2.0", "the least that knows many languages"),
    _hub("Qwen/Qwen2.5-Coder-1.5B", 1_543_714_304, 28, 2, 128, "apache-2.0", "good for its size"),
    _hub("ibm-granite/granite-3.3-2b-base", 2_530_000_000, 40, 8, 64, "apache-2.0", "its data have named licences"),
    _hub("bigcode/starcoder2-3b", 3_030_371_328, 30, 2, 128, "bigcode-openrail-m", "many languages, rare ones too"),
    _hub("Qwen/Qwen2.5-Coder-3B", 3_085_938_688, 36, 2, 128, "qwen-research", "not for commercial use"),
    _hub("Qwen/Qwen2.5-Coder-7B", 7_615_616_512, 28, 4, 128, "apache-2.0", "for a GPU"),
    _hub("ByteDance-Seed/Seed-Coder-8B-Base", 8_250_000_000, 32, 8, 128, "mit", "for a GPU"),
)  # fmt: skip
"""Smallest first. Those without many digits are rounded."""
