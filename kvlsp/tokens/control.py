"""Which added tokens steer a model and which are text.

A tokenizer's file adds tokens to a vocabulary for two reasons. Some steer the model (an end of text, a marker for
filling in); a document that happens to spell one must not become one. Others are text like any other: runs of spaces,
HTML tags, letters that the vocabulary had forgotten. The file says "special" of most of the first kind, but not of all:
the markers of Qwen and DeepSeek are not special there, so names and forms count as well.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

_FORM = re.compile(
    r"<\|.*\|>|<｜.*｜>|<\[.*\]>|>>[A-Z_]+<<|\[[A-Z]+(?:_[A-Z0-9]+)*\]|▁?<.*(?:fim|FIM|SPAN).*>", re.DOTALL
)
"""Forms in which only control tokens are written; no programmer writes them but to name one."""

NAMES = frozenset({
    "▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>", "[PREFIX]", "[SUFFIX]", "[MIDDLE]", "<filename>", "<file_sep>",
    "<repo_name>", "<reponame>", "<gh_stars>", "<EOT>", "<bos>", "<eos>", "<pad>", "<unk>", "[EOS]", "[BOS]",
    "<start_of_turn>", "<end_of_turn>",
})  # fmt: skip
"""Names of control tokens that have none of these forms. ``<s>`` is no such name: it is also HTML."""


def is_control(entry: Mapping[str, Any], named: Collection[str] = ()) -> bool:
    """Whether an entry of ``added_tokens`` is a control token; ``named`` are names that other files give as such.

    An entry that takes the white space beside it along is one too: no text could come back from it.
    """
    content = str(entry["content"])
    return bool(
        entry.get("special")
        or content in NAMES
        or content in named
        or _FORM.fullmatch(content)
        or entry.get("lstrip")
        or entry.get("rstrip")
    )


def named_in(settings: Mapping[str, Any]) -> frozenset[str]:
    """The control tokens that a ``tokenizer_config.json`` names: begin, end, padding and the like."""
    found = [value for key, value in settings.items() if key.endswith("_token")]
    more = settings.get("additional_special_tokens")
    found += more if isinstance(more, list) else []
    decoder = settings.get("added_tokens_decoder")
    entries = decoder.values() if isinstance(decoder, Mapping) else ()
    found += [entry for entry in entries if isinstance(entry, Mapping) and entry.get("special")]
    texts = (one.get("content") if isinstance(one, Mapping) else one for one in found)
    return frozenset(text for text in texts if isinstance(text, str) and text)
