"""Templates by family: the prompt as text, from control tokens alone."""

from __future__ import annotations

import pytest

from kvlsp.prompt.families import FAMILIES, detect, table
from kvlsp.prompt.template import Template

QWEN = ("<|endoftext|>", "<|im_start|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|repo_name|>",
        "<|file_sep|>")  # fmt: skip
DEFAULT = tuple(token for token in QWEN if token != "<|im_start|>")
GEMMA = ("<bos>", "<eos>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|file_separator|>")
DEEPSEEK = (
    "<｜begin▁of▁sentence｜>",
    "<｜end▁of▁sentence｜>",
    "<｜fim▁begin｜>",
    "<｜fim▁hole｜>",
    "<｜fim▁end｜>",
)
LLAMA = ("<s>", "</s>", "▁<PRE>", "▁<MID>", "▁<SUF>", "▁<EOT>")
SEED = ("<[begin▁of▁sentence]>", "<[end▁of▁sentence]>", "<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>")
CODESTRAL = ("<s>", "</s>", "[PREFIX]", "[SUFFIX]", "[MIDDLE]")
AIX = ("<s>", "</s>", "▁<AIX-SPAN-PRE>", "▁<AIX-SPAN-POST>", "▁<AIX-SPAN-MIDDLE>")
STAR = ("<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>")


def control(tokens: tuple[str, ...]) -> dict[str, int]:
    return {text: number for number, text in enumerate(tokens, 10)}


def shown(template: Template, tokens: tuple[str, ...], prefix: str = "P", suffix: str = "S") -> str:
    """The prompt as text."""
    names = {number: text for text, number in control(tokens).items()}
    parts = {"prefix_first": (prefix, suffix), "suffix_first": (suffix, prefix), "plain": (prefix, "")}[template.order]
    marks = [
        "".join(names[one] for one in ids) for ids in (template.opening, template.between, template.closing)
    ]
    return marks[0] + parts[0] + marks[1] + parts[1] + marks[2]


@pytest.mark.parametrize(
    ("tokens", "name", "family", "prompt"),
    [
        (QWEN, "Qwen2.5-Coder-1.5B", "qwen-coder", "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>"),
        (DEFAULT, "weights", "kvlsp", "<|fim_prefix|><|fim_suffix|>S<|fim_middle|>P"),
        (GEMMA, "codegemma-2b", "codegemma", "<bos><|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>"),
        (DEEPSEEK, "x", "deepseek-coder",
         "<｜begin▁of▁sentence｜><｜fim▁begin｜>P<｜fim▁hole｜>S<｜fim▁end｜>"),
        (LLAMA, "CodeLlama-7b-hf", "codellama", "<s>▁<PRE>P▁<SUF>S▁<MID>"),
        (SEED, "x", "seed-coder", "<[begin▁of▁sentence]><[fim-suffix]>S<[fim-prefix]>P<[fim-middle]>"),
        (CODESTRAL, "x", "codestral", "<s>[SUFFIX]S[PREFIX]P"),
        (CODESTRAL[:4], "x", "codestral", "<s>[SUFFIX]S[PREFIX]P"),
        (AIX, "x", "aixcoder", "<s>▁<AIX-SPAN-PRE>▁<AIX-SPAN-POST>S▁<AIX-SPAN-MIDDLE>P"),
        ((*STAR, "<filename>", "<reponame>"), "JetBrains/Mellum-4b-base", "mellum",
         "<fim_suffix>S<fim_prefix>P<fim_middle>"),
        ((*STAR, "<file_sep>", "<repo_name>"), "starcoder2-3b", "starcoder2",
         "<fim_prefix>P<fim_suffix>S<fim_middle>"),
        ((*STAR, "<filename>", "<reponame>"), "granite-3b-code-base", "granite-code",
         "<fim_prefix>P<fim_suffix>S<fim_middle>"),
        (STAR, "Yi-Coder-1.5B", "starcoder", "<fim_prefix>P<fim_suffix>S<fim_middle>"),
        (("<|begin_of_text|>", "<|im_start|>"), "SmolLM3-3B", "plain", "P"),
    ],
)  # fmt: skip
def test_prompts(tokens, name, family, prompt):
    template = detect(control(tokens), name=name)
    assert template.name == family
    assert shown(template, tokens) == prompt
    assert template.end == frozenset(control(tokens).values())


def test_the_order_can_be_overridden():
    assert (
        shown(detect(control(QWEN), order="suffix_first"), QWEN)
        == "<|fim_prefix|><|fim_suffix|>S<|fim_middle|>P"
    )
    assert (
        shown(detect(control(DEFAULT), order="prefix_first"), DEFAULT)
        == "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>"
    )
    assert shown(detect(control(SEED), order="prefix_first"), SEED).endswith(
        "<[fim-prefix]>P<[fim-suffix]>S<[fim-middle]>"
    )
    assert shown(detect(control(LLAMA), order="plain"), LLAMA) == "<s>P"


@pytest.mark.parametrize(
    ("settings", "begin"),
    [
        ({"add_bos_token": False, "bos_token": "<s>"}, ""),
        ({"add_bos_token": True, "bos_token": "<s>"}, "<s>"),
        ({"add_bos_token": True, "bos_token": {"content": "<s>"}}, "<s>"),
        ({}, "<s>"),
    ],
)
def test_the_tokenizer_decides_about_the_begin_token(settings, begin):
    assert shown(detect(control(LLAMA), settings=settings), LLAMA).startswith(begin + "▁<PRE>")


def test_markers_that_a_file_names_serve_where_no_family_is_known():
    tokens = control(["<PRE!>", "<SUF!>", "<MID!>"])
    named = ("<PRE!>", "<SUF!>", "<MID!>")
    template = detect(tokens, fill=named)
    assert (template.order, template.prefix, template.suffix, template.middle) == (
        "prefix_first", *((tokens[name],) for name in named))
    assert detect(tokens).order == "plain"
    assert detect(tokens, fill=("<PRE!>", "<SUF!>", "<none>")).order == "plain"
    assert detect(control(QWEN), fill=named).name == "qwen-coder"


def test_separators():
    template = detect(control(QWEN))
    assert (template.file_separator, template.repository) == ((16,), (15,))
    assert detect(control(LLAMA)).file_separator == ()


def test_every_family_cites_its_source():
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    assert all(family.source for family in FAMILIES)


def test_the_table_shows_the_prompts_that_are_made():
    prompts = {row["models"]: row["prompt"] for row in table()}
    seed = "<[begin▁of▁sentence]><[fim-suffix]>SUFFIX<[fim-prefix]>PREFIX<[fim-middle]>"
    assert prompts["Seed-Coder, Zeta 2"] == seed
    for family, row in zip(FAMILIES, table(), strict=True):
        marks = (family.begin, family.prefix, family.suffix, family.middle, family.with_token)
        tokens = tuple(dict.fromkeys(one for one in marks if one))
        template = detect(control(tokens), name=family.named)
        assert template.name == family.name
        assert shown(template, tokens, "PREFIX", "SUFFIX") == row["prompt"]
        assert ("unchecked" in row["source"]) != family.checked


@pytest.mark.parametrize(
    ("tokens", "settings", "begins"),
    [
        (["<|begin_of_text|>", "<|end_of_text|>"], {"bos_token": "<|begin_of_text|>"}, True),  # as Llama 3.1 has it
        (["<|begin_of_text|>", "<|end_of_text|>"], {"add_bos_token": False}, False),
        (QWEN, {}, True),
    ],
)
def test_a_begin_token_that_only_the_published_tokenizer_adds(tokens, settings, begins):
    found = detect(control(tokens), settings=settings, begin=(0,))
    assert found.begin == ((0,) if begins else ())


def test_what_a_family_says_of_its_begin_token_counts_more_than_what_the_tokenizer_adds():
    template = detect(control(LLAMA), begin=(7,))
    assert template.begin == (control(LLAMA)["<s>"],)
