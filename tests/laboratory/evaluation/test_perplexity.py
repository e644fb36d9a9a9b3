from __future__ import annotations

import pytest
import torch

from kvlsp.laboratory.evaluation.perplexity import SCORED, bits_per_byte, middle_loss, streams, window_ends
from kvlsp.laboratory.evaluation.samples import draw_samples
from kvlsp.laboratory.evaluation.scorer import Scorer, laid_out
from kvlsp.laboratory.training.corpus import SourceFile
from kvlsp.laboratory.training.export import export
from kvlsp.prompt.template import Template
from tests.laboratory.training.test_corpus import module
from tests.laboratory.training.test_examples import FILES, vocabulary
from tests.laboratory.training.test_network import small


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    folder = tmp_path_factory.mktemp("model")
    export(small(), vocabulary(), folder)
    return Scorer(folder)


def test_streams_count_the_bytes_of_text_only(scorer: Scorer):
    files = [SourceFile("pkg", "pkg/b.py", "é = 1\n", 1.0), SourceFile("pkg", "pkg/a.py", module(1), 1.0)]
    (stream,) = streams(files, scorer.tokenizer, scorer.template)
    assert sum(stream.sizes) == len("é = 1\n".encode()) + len(module(1))
    assert stream.ids.count(6) == 2  # separators
    assert scorer.tokenizer.decode(stream.ids).index("a.py") < scorer.tokenizer.decode(stream.ids).index(
        "b.py"
    )


def test_every_context_scores_the_same_tokens(scorer: Scorer):
    found = streams(FILES, scorer.tokenizer, scorer.template)
    asked = []

    def losses(ids, first):
        asked.append((tuple(ids[first:]), first))
        return [2.0] * (len(ids) - first)

    bits = bits_per_byte(found, losses, contexts=(512, 1024), windows=3)
    assert len(window_ends(found, 3, 1024)) == 3
    assert [tokens for tokens, _ in asked[:3]] == [tokens for tokens, _ in asked[3:]]
    assert [first for _, first in asked] == [512 - SCORED] * 3 + [1024 - SCORED] * 3
    assert bits[512] == bits[1024] > 0


def test_losses_are_those_of_one_forward(scorer: Scorer):
    ids = list(range(20, 60))
    logits = scorer._model(torch.tensor([ids])).logits[0].log_softmax(-1)
    expected = [-logits[i - 1, ids[i]].item() / 0.6931471805599453 for i in range(10, 40)]
    assert scorer.losses(ids, 10) == pytest.approx(expected, rel=1e-4)


def test_the_middle_is_scored_with_and_without_the_suffix(scorer: Scorer):
    prompts = []

    def losses(ids, first):
        prompts.append(list(ids[:first]))
        return [1.0] * (len(ids) - first)

    orders = {"suffix_first": lambda prefix, suffix: [1, 2, *suffix, 3, *prefix]}
    found = middle_loss(FILES, scorer.encode, losses, orders, 0, places=10)
    assert found["suffix_first"]["with_suffix"] == pytest.approx(0.6931, abs=1e-4)
    assert any(len(one) > len(other) for one, other in zip(prompts[::2], prompts[1::2], strict=True))
    assert all(other[:3] == [1, 2, 3] for other in prompts[1::2])


@pytest.mark.parametrize(
    ("order", "ids"),
    [
        ("suffix_first", [1, 2, 8, 9, 3, 5, 6]),
        ("prefix_first", [1, 5, 6, 2, 8, 9, 3]),
        ("plain", [5, 6]),
    ],
)
def test_layouts(order, ids):
    prefix = (1,) if order != "plain" else ()
    assert laid_out(Template("t", order, prefix=prefix, suffix=(2,), middle=(3,)), [5, 6], [8, 9]) == ids


def test_the_scorer_continues_greedily(scorer: Scorer):
    new = scorer.continuation([20, 21, 22], 5, lambda new: False)
    ids = [20, 21, 22]
    for token in new:
        logits = scorer._model(torch.tensor([ids])).logits[0, -1]
        assert int(logits.argmax()) == token
        ids.append(token)
    assert len(new) <= 5
    assert isinstance(scorer.complete("x = ", "\n", single_line=True, longest=6), str)


def test_samples_show_what_was_completed_and_what_was_written():
    seen = []

    def complete(prefix: str, suffix: str) -> str:
        seen.append((prefix, suffix))
        return "HERE"

    samples = draw_samples(FILES, complete, 5, seed=1)
    assert len(samples) == 5
    for sample, (prefix, suffix) in zip(samples, seen, strict=True):
        text = next(file.text for file in FILES if file.path == sample.path)
        assert prefix + sample.written + suffix in text
        assert "HERE" in str(sample)
        assert f"{sample.path}:{sample.line}" in str(sample)
    assert draw_samples(FILES, complete, 5, seed=1) == samples
