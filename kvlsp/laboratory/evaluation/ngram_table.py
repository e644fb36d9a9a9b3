"""Where the 5-gram baseline's table comes from: counted over a corpus once, then kept in the cache folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from kvlsp.laboratory.evaluation.baselines import NgramModel, count_texts
from kvlsp.laboratory.training.corpus import Corpus, build_corpus, default_folders, load_corpus
from kvlsp.tokens.tokenizer import Tokenizer


def corpus_at(sources: Sequence[Path]) -> Corpus:
    """The saved corpus (a .jsonl file written by training) or one built from folders; default: this
    interpreter's.
    """
    if len(sources) == 1 and sources[0].suffix == ".jsonl":
        return load_corpus(sources[0])
    return build_corpus(sources or default_folders())


def ngram_model(tokenizer: Tokenizer, tokenizer_file: Path, sources: Sequence[Path], cache: Path) -> NgramModel:
    """The table for this tokenizer and these sources, from `cache` when it has been counted before.

    Training files only: the held-out packages are never counted.
    """
    key = hashlib.sha256(tokenizer_file.read_bytes())
    key.update(json.dumps([str(path.resolve()) for path in sources or default_folders()]).encode())
    path = cache / f"ngram-{key.hexdigest()[:16]}.npz"
    if path.exists():
        return NgramModel.load(path)
    model = count_texts((file.text for file in corpus_at(sources).train), tokenizer)
    cache.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    model.save(part)
    part.replace(path)
    return model
