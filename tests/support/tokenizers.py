"""Small tokenizers with the pre-tokenizers and normalisers of the code models, trained in a second or two.

Each is the content of a tokenizer.json and is made once per test session. The corpus is Python's standard
library, so vocabularies differ a little between versions; what is tested does not depend on them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

CONTROL = ["<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"]

_QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_LLAMA3 = _QWEN.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
_DEEPSEEK_CODER = [r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", r"[一-龥ࠀ-一가-퟿]+"]
_DEEPSEEK_V3 = [
    r"\p{N}{1,3}",
    r"[一-龥぀-ゟ゠-ヿ]+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
]
_O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def _byte_level(regex: bool) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=regex)


def _splits(*patterns: str) -> list[pre_tokenizers.PreTokenizer]:
    return [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]


def _digits() -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Digits(individual_digits=True)


_BYTE_LEVEL: dict[str, Callable[[], Any]] = {
    "gpt2": lambda: _byte_level(True),
    "starcoder": lambda: pre_tokenizers.Sequence([_digits(), _byte_level(True)]),
    "qwen2": lambda: pre_tokenizers.Sequence([*_splits(_QWEN), _byte_level(False)]),
    "llama3": lambda: pre_tokenizers.Sequence([*_splits(_LLAMA3), _byte_level(False)]),
    "deepseek-coder": lambda: pre_tokenizers.Sequence(
        [*_splits(*_DEEPSEEK_CODER), _digits(), _byte_level(False)]
    ),
    "o200k": lambda: pre_tokenizers.Sequence([*_splits(_O200K), _byte_level(False)]),
    "deepseek-v3": lambda: pre_tokenizers.Sequence([*_splits(*_DEEPSEEK_V3), _byte_level(False)]),
}

KINDS = [
    *_BYTE_LEVEL,
    "prefix-space",
    "white-space-tokens",
    "added-letters",
    "nfkc",
    "nfd",
    "gemma",
    "codellama",
    "metaspace-first",
    "metaspace-never",
    "metaspace-split",
    "unknown-kind",
]
"""Names that :func:`tokenizer_json` knows."""


@lru_cache(maxsize=1)
def _corpus() -> list[str]:
    files = sorted(Path(os.__file__).parent.glob("*.py"))[:40]
    return [file.read_text(encoding="utf-8", errors="replace")[:20_000] for file in files]


@cache
def tokenizer_json(kind: str) -> str:
    """The content of a tokenizer.json of this kind, with about 800 entries."""
    if kind in _BYTE_LEVEL:
        return _trained_byte_level(kind)
    if kind == "prefix-space":  # a dummy space before the document, as RoBERTa's relatives have it
        file = json.loads(tokenizer_json("gpt2"))
        file["pre_tokenizer"]["add_prefix_space"] = True
        return json.dumps(file)
    if kind == "white-space-tokens":  # runs of spaces as added tokens, as Phi and Gemma have them
        trained = Tokenizer.from_str(tokenizer_json("gpt2"))
        trained.add_tokens([AddedToken(" " * width, normalized=False) for width in (12, 10, 8, 6)])
        return trained.to_str()
    if kind == "added-letters":  # DeepSeek-Coder adds letters that its vocabulary lacks, some behind control tokens
        return _with_added(tokenizer_json("deepseek-coder"), ["ü", "<|User|>", "ö", "À", "<b>"], normalized=True)
    if kind in ("nfkc", "nfd"):
        file = json.loads(tokenizer_json("qwen2"))
        file["normalizer"] = {"type": kind.upper()}
        return json.dumps(file)
    if kind == "unknown-kind":  # writes what stands at both ends otherwise: no text can be cut, all is tokenized anew
        file = json.loads(tokenizer_json("gpt2"))
        file["normalizer"] = {"type": "Replace", "pattern": {"Regex": r"\Ae|e\z"}, "content": "\uff45"}
        return json.dumps(file)
    return _sentencepiece(kind)


def _with_added(source: str, texts: list[str], *, normalized: bool) -> str:
    """With more added tokens, none of them special. Their ids follow those that are there."""
    file = json.loads(source)
    vocabulary = file["model"]["vocab"]
    for text in texts:  # what the vocabulary is to lack leaves no hole: the library counts entries
        if text in vocabulary:
            vocabulary[f"no {text}"] = vocabulary.pop(text)
    first = max(max(vocabulary.values()), *(entry["id"] for entry in file["added_tokens"])) + 1
    file["added_tokens"] += [
        {"id": first + index, "content": text, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": normalized, "special": False}
        for index, text in enumerate(texts)
    ]
    return json.dumps(file)


def _trained_byte_level(kind: str) -> str:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = _BYTE_LEVEL[kind]()
    if kind == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=800, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    # Qwen's files mark the fill-in-the-middle tokens as not special
    tokenizer.add_tokens([AddedToken(text, special=kind != "qwen2", normalized=False) for text in CONTROL])
    file = json.loads(tokenizer.to_str())
    file["model"]["ignore_merges"] = kind == "llama3"
    return json.dumps(file)


@lru_cache(maxsize=1)
def _trained_sentencepiece() -> str:
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("▁?[^▁\n]+|▁+|\n"), "isolated")
    names = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(
        vocab_size=1000, special_tokens=names, limit_alphabet=200, show_progress=False
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    return tokenizer.to_str()


def _sentencepiece(kind: str) -> str:
    """CodeLlama's form: no pre-tokenizer, bytes for unknown characters, a line feed only as a byte."""
    file = json.loads(_trained_sentencepiece())
    model = file["model"]
    model["vocab"] = {entry: number for entry, number in model["vocab"].items() if "\n" not in entry}
    model["merges"] = [merge for merge in model["merges"] if "\n" not in "".join(merge)]
    control = {"<unk>", "<s>", "</s>"}
    file["added_tokens"] = [entry for entry in file["added_tokens"] if entry["content"] in control]
    file["normalizer"] = file["pre_tokenizer"] = None
    if kind == "codellama":
        file["normalizer"] = {
            "type": "Sequence",
            "normalizers": [
                {"type": "Prepend", "prepend": "▁"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
            ],
        }
    elif kind == "gemma":  # line feeds, runs of spaces and HTML as added tokens
        file["normalizer"] = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
        file["pre_tokenizer"] = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious",
                                 "invert": False}
        texts = ["\n", "\n\n", "\n\n\n", "\t\t", "▁▁▁▁▁", "<b>", "</b>", "<table>", "<unused1>"]
        made = json.loads(_with_added(json.dumps(file), texts, normalized=False))
        model["vocab"].update((entry["content"], entry["id"]) for entry in made["added_tokens"])
        return json.dumps({**made, "model": model})  # and the vocabulary has them all
    else:
        file["pre_tokenizer"] = {
            "type": "Metaspace",
            "replacement": "▁",
            "prepend_scheme": "never" if kind == "metaspace-never" else "first",
            "split": kind == "metaspace-split",
        }
    return json.dumps(file)
