"""Which fill-in-the-middle template a model speaks, recognised by its tokenizer's control tokens.

:data:`FAMILIES` is the table of docs/models.md. Each row names its source; ``checked`` says whether the
tokens were read there (a model card, paper, technical report or the maker's own code) or are only believed.
None of these vocabularies was downloaded for the table: tests build tokenizers with the same control tokens.

Whether a family's cache can be repaired shows in its weights only, when the model is probed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from kvlsp.prompt.template import Order, Template

# How a family writes suffix-first: both markers ahead (PRE SUF suffix MID prefix), each marker ahead of its
# text and one at the end (SUF suffix PRE prefix MID), or the same without an end (SUF suffix PRE prefix).
SuffixFirst: TypeAlias = Literal["markers ahead", "closed", "open"]


@dataclass(frozen=True, slots=True)
class Family:
    """Conventions of models that share control tokens. Tokens are texts; ids come from the tokenizer."""

    name: str
    models: str
    order: Order
    prefix: str
    suffix: str
    middle: str
    source: str
    checked: bool
    suffix_first: SuffixFirst = "markers ahead"
    begin: str = ""  # the token that starts every text ("" if the family uses none)
    file_separator: str = ""
    repository: str = ""
    repository_end: str = ""  # text behind the repository's name
    with_token: str = ""  # another control token that tells this family from one with the same markers
    without_token: str = ""
    named: str = ""  # where no token tells: a part of the model's name

    def speaks(self, control: Mapping[str, int], name: str) -> bool:
        """Whether a tokenizer with these control tokens belongs to a model of this family."""
        wanted = (self.prefix, self.suffix, *([self.middle] if self.suffix_first != "open" else []))
        return (
            all(token in control for token in wanted)
            and (not self.with_token or self.with_token in control)
            and (not self.without_token or self.without_token not in control)
            and self.named in name.lower()
        )


FAMILIES: tuple[Family, ...] = (
    Family(
        "qwen-coder", "Qwen2.5-Coder, Qwen3-Coder, Zeta 1", "prefix_first",
        "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>",
        "QwenLM/Qwen2.5-Coder README (file-level and repository-level completion)", True,
        file_separator="<|file_sep|>", repository="<|repo_name|>", repository_end="\n", with_token="<|im_start|>",
    ),
    Family(
        "codegemma", "CodeGemma", "prefix_first",
        "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>",
        "ai.google.dev/gemma/docs/codegemma/prompt-structure", True,
        begin="<bos>", file_separator="<|file_separator|>", with_token="<|file_separator|>",
    ),
    Family(
        "kvlsp", "the default model of kvlsp", "suffix_first",
        "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>",
        "kvlsp/default_model", True,
        file_separator="<|file_sep|>", repository="<|repo_name|>", with_token="<|file_sep|>",
    ),
    Family(
        "granite-4", "Granite 4 (dense)", "prefix_first",
        "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>",
        "tokens as Qwen's; not read in a card", False,
    ),
    Family(
        "deepseek-coder", "DeepSeek-Coder, DeepSeek-Coder-V2-Lite", "prefix_first",
        "<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>",
        "deepseek-ai/DeepSeek-Coder README (code insertion); V2 report arXiv 2406.11931 (PSM)", True,
        begin="<｜begin▁of▁sentence｜>",
    ),
    Family(
        "codellama", "CodeLlama 7B, 13B", "prefix_first",
        "▁<PRE>", "▁<SUF>", "▁<MID>",
        "arXiv 2308.12950, meta-llama/codellama tokenizer.py", True,
        begin="<s>",
    ),
    Family(
        "seed-coder", "Seed-Coder, Zeta 2", "suffix_first",
        "<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>",
        "Seed-Coder paper, arXiv 2506.03524 (begin token not checked)", True,
        suffix_first="closed", begin="<[begin▁of▁sentence]>", file_separator="<filename>",
    ),
    Family(
        "codestral", "Codestral, Mistral with [SUFFIX] and [PREFIX]", "suffix_first",
        "[PREFIX]", "[SUFFIX]", "[MIDDLE]",
        "mistralai/mistral-common tests (encode_fim), mistralai/cookbook", True,
        suffix_first="open", begin="<s>",
    ),
    Family(
        "aixcoder", "aiXcoder-7B", "suffix_first",
        "▁<AIX-SPAN-PRE>", "▁<AIX-SPAN-POST>", "▁<AIX-SPAN-MIDDLE>",
        "aixcoder-plugin/aiXcoder-7B hf_mini/utils.py", True,
        begin="<s>",
    ),
    Family(
        "mellum", "Mellum-4b", "suffix_first",
        "<fim_prefix>", "<fim_suffix>", "<fim_middle>",
        "JetBrains/Mellum-4b-base card, as quoted by others", True,
        suffix_first="closed", file_separator="<filename>", named="mellum",
    ),
    Family(
        "starcoder2", "StarCoder2", "prefix_first",
        "<fim_prefix>", "<fim_suffix>", "<fim_middle>",
        "arXiv 2402.19173, bigcode tokenizer", True,
        file_separator="<file_sep>", repository="<repo_name>", with_token="<file_sep>",
    ),
    Family(
        "granite-code", "Granite Code 3B and 8B, Granite 3.3", "prefix_first",
        "<fim_prefix>", "<fim_suffix>", "<fim_middle>",
        "tokenizer_config.json of ibm-granite/granite-3.3-8b-base, as quoted in llama.cpp #12988", True,
        file_separator="<filename>", repository="<reponame>", with_token="<reponame>",
    ),
    Family(
        "starcoder", "Yi-Coder and others with StarCoder's markers", "prefix_first",
        "<fim_prefix>", "<fim_suffix>", "<fim_middle>",
        "markers only; for Yi-Coder not found in its card", False,
    ),
)  # fmt: skip
"""In the order in which they are tried. SmolLM3 and models without markers complete left to right."""

PLAIN_BEGIN = ("<s>", "<bos>", "<|begin_of_text|>", "<｜begin▁of▁sentence｜>")


def detect(
    control: Mapping[str, int],
    order: Order | None = None,
    settings: Mapping[str, Any] | None = None,
    name: str = "",
    begin: tuple[int, ...] = (),
    fill: tuple[str, ...] = (),
) -> Template:
    """The template of a model whose tokenizer has these control tokens (text -> id).

    ``order`` overrides the family's; ``settings`` is the tokenizer's ``tokenizer_config.json``, whose
    add_bos_token overrides the family's rule for the begin token; ``begin`` is what the published tokenizer puts
    before every text, where neither says anything; ``name`` (folder or hub id) decides where tokens do not;
    ``fill`` are the markers of prefix, suffix and middle as a file names them, for families that are not known
    here. A model without markers gets the plain template: left to right, the suffix ignored.
    """
    end = frozenset(control.values())
    family = next((one for one in FAMILIES if one.speaks(control, name)), None)
    if family is None and len(fill) == 3 and all(token in control for token in fill):
        family = Family("as its file says", "", "prefix_first", *fill, source="the file", checked=False)
    if family is None or order == "plain":
        begin = _begin(control, settings, family.begin if family else "", begin)
        if family is None:
            return Template("plain", "plain", begin=begin, end=end)
        return Template(f"{family.name}, left to right", "plain", begin=begin, end=end, **_files(control, family))
    template = Template(
        family.name,
        order or family.order,
        begin=_begin(control, settings, family.begin, begin),
        prefix=(control[family.prefix],),
        suffix=(control[family.suffix],),
        middle=(control[family.middle],) if family.middle in control else (),
        end=end,
        **_files(control, family),
    )
    if template.order == "suffix_first" and family.suffix_first != "markers ahead":
        tail = template.middle if family.suffix_first == "closed" else ()
        return replace(template, prefix=(), middle=template.prefix, tail=tail)
    return template


def _files(control: Mapping[str, int], family: Family) -> dict[str, Any]:
    """How the family separates files."""
    return {"file_separator": _ids(control, family.file_separator), "repository": _ids(control, family.repository),
            "repository_end": family.repository_end}


def _ids(control: Mapping[str, int], token: str) -> tuple[int, ...]:
    return (control[token],) if token in control else ()


def _begin(
    control: Mapping[str, int], settings: Mapping[str, Any] | None, usual: str, published: tuple[int, ...]
) -> tuple[int, ...]:
    """The token that starts every text: as the tokenizer's settings say, else as the family does, else as the published
    tokenizer does by itself (Llama 3.1 has it in no setting)."""
    asked = settings.get("add_bos_token") if settings is not None else None
    if asked is False:
        return ()
    named = settings.get("bos_token") if asked and settings is not None else None
    if isinstance(named, Mapping):
        named = named.get("content")
    if isinstance(named, str) and named in control:
        return _ids(control, named)
    if asked and not usual:
        usual = next((token for token in PLAIN_BEGIN if token in control), "")
    return _ids(control, usual) or published


def table() -> list[dict[str, str]]:
    """:data:`FAMILIES` for people: the prompt with PREFIX and SUFFIX in place, and where it was read."""
    rows = []
    for family in FAMILIES:
        pre, suf, mid = family.prefix, family.suffix, family.middle
        prompts = {
            "markers ahead": f"{pre}{suf}SUFFIX{mid}PREFIX",
            "closed": f"{suf}SUFFIX{pre}PREFIX{mid}",
            "open": f"{suf}SUFFIX{pre}PREFIX",
        }
        prefix_first = f"{pre}PREFIX{suf}SUFFIX{mid}"
        prompt = prefix_first if family.order == "prefix_first" else prompts[family.suffix_first]
        rows.append({
            "models": family.models,
            "order": family.order.replace("_", " "),
            "prompt": family.begin + prompt,
            "source": family.source if family.checked else f"{family.source} (unchecked)",
        })
    return rows
