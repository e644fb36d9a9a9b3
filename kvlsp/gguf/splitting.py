"""How byte-level tokenizers cut a text into words before merging, by the names that GGUF files have for it.

A file holds only such a name, no pattern. These are the patterns as the makers of the tokenizers publish them, in the
words of the `tokenizers` library; what follows from one is compared with llama.cpp's own tokens when a model is loaded.
"""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]

_SHORT = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
"""English words cut short, in any case of letters."""
_ENDS = r"\s*[\r\n]+|\s+(?!\S)|\s+"


def _words(digits: str, short: str = f"{_SHORT}|", behind_signs: str = r"[\r\n]*") -> str:
    """Letters with a sign or space before them, ``digits``, signs, white space."""
    return rf"{short}[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{digits}| ?[^\s\p{{L}}\p{{N}}]+{behind_signs}|{_ENDS}"


def _cased(digits: str, short: str = "") -> str:
    """Words that begin anew at a capital."""
    upper, lower = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
    return (rf"[^\r\n\p{{L}}\p{{N}}]?[{upper}]*[{lower}]+{short}|[^\r\n\p{{L}}\p{{N}}]?[{upper}]+[{lower}]*{short}"
            rf"|{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_ENDS}")


_IDEOGRAPHS = r"[一-龥぀-ゟ゠-ヿ]+"
_DEEPSEEK_V3 = (
    r"\p{N}{1,3}", _IDEOGRAPHS,
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|"
    + _ENDS,
)
_DEEPSEEK_CODER = (r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", r"\p{N}")

_PATTERNS: Final[dict[str, tuple[str, ...]]] = {
    "qwen2": (_words(r"\p{N}"),),
    "llama-bpe": (_words(r"\p{N}{1,3}"),),
    "seed-coder": (_words(r"\p{N}", behind_signs="").replace(r"[^\s\p{L}\p{N}]+", r"[^\s\p{L}\p{N}\r\n]+"),),
    "ufakzeka": (_words(r"\p{N}", short=""),),
    "tekken": (_cased(r"\p{N}"),),
    "gpt-4o": (_cased(r"\p{N}{1,3}", f"{_SHORT}?"),),
    "deepseek-coder": _DEEPSEEK_CODER,
    "deepseek-v3": _DEEPSEEK_V3,
}
_ALIKE: Final = {
    "llama3": "llama-bpe", "llama-v3": "llama-bpe", "falcon3": "llama-bpe", "pixtral": "llama-bpe",
    "lfm2": "llama-bpe", "dbrx": "llama-bpe", "smaug-bpe": "llama-bpe", "chatglm-bpe": "llama-bpe",
    "glm4": "llama-bpe",
    "deepseek-r1-qwen": "qwen2", "stablelm2": "qwen2", "hunyuan": "qwen2", "megrez": "qwen2", "grok-2": "qwen2",
    "hunyuan-dense": "deepseek-v3", "llama4": "gpt-4o", "minimax-m2": "gpt-4o",
}  # fmt: skip
_DIGITS_APART: Final = frozenset({
    "starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b", "mellum2",
})  # fmt: skip
"""As GPT-2, each digit by itself."""
_GPT2: Final = frozenset({
    "gpt-2", "phi-2", "mpt", "olmo", "jais", "mellum", "trillion", "granite-docling", "modern-bert", "a.x-4.0",
    "gigachat",
})  # fmt: skip
_WHOLE_WORDS: Final = frozenset({
    "llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral", "lfm2", "tekken", "kimi-k2", "youtu",
})  # fmt: skip
"""Where a word that is in the vocabulary is a token, whatever the merges say."""
KNOWN: Final = tuple(sorted({*_PATTERNS, *_ALIKE, *_DIGITS_APART, *_GPT2}))


def pre_tokenizer(name: str) -> Json | None:
    """The steps of the way called ``name``, as a tokenizer.json writes them; None where the name is not known."""
    if name in _GPT2 or name in _DIGITS_APART:
        steps: list[Json] = [{"type": "Digits", "individual_digits": True}] if name in _DIGITS_APART else []
        return {"type": "Sequence", "pretokenizers": [*steps, _byte_level(use_regex=True)]}
    patterns = _PATTERNS.get(_ALIKE.get(name, name))
    if patterns is None:
        return None
    steps = [{"type": "Split", "pattern": {"Regex": one}, "behavior": "Isolated", "invert": False} for one in patterns]
    return {"type": "Sequence", "pretokenizers": [*steps, _byte_level(use_regex=False)]}


def whole_words(name: str) -> bool:
    """Whether words of the vocabulary are tokens before anything is merged."""
    return name in _WHOLE_WORDS


def _byte_level(*, use_regex: bool) -> Json:
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}
