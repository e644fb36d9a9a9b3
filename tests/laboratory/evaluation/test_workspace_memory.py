from __future__ import annotations

import dataclasses
import json

import pytest
from typer.testing import CliRunner

from kvlsp.config import Settings
from kvlsp.errors import ConfigurationError
from kvlsp.laboratory.commands.evaluate import app
from kvlsp.laboratory.evaluation import workspace_memory as measuring
from kvlsp.laboratory.evaluation.confidence import Judged
from kvlsp.laboratory.evaluation.mixing import Example, learned
from kvlsp.laboratory.training.corpus import Corpus, SourceFile, save_corpus
from tests.support.models import tiny_model

TEXT = "def area(width, height):\n    return width * height\n\n\nprint(area(3, 4), area(5, 6))\n" * 6


def files(package: str) -> list[SourceFile]:
    return [SourceFile(package, f"{package}/{name}.py", TEXT.replace("area", name), 1.0) for name in ("one", "two")]


def test_the_weight_of_a_class_is_what_makes_the_truth_likeliest():
    always, never = (8, 0, 2), (1, 4, 0)
    examples = [Example(always, 0.1, 1.0)] * 500 + [Example(never, 0.5, 0.0)] * 500
    weights = learned(examples)
    assert weights[always] > 0.95
    assert weights[never] < 0.01
    half = [Example(always, 0.1, 1.0)] * 400 + [Example(always, 0.1, 0.0)] * 400  # log(.1 + .9 w) + log(.1 - .1 w)
    assert learned(half)[always] == pytest.approx(4 / 9, abs=0.02)


def test_a_file_is_not_in_the_store_that_it_is_asked_with():
    package = files("p")
    stores = measuring.Stores(tiny_model(1), package)
    long = stores.ids("p/one.py")
    begun = long[: len("def one(")]
    assert stores.without("p/two.py").find(begun).length == len(begun)
    assert stores.without("p/one.py").find(begun).length < len(begun)


def test_a_package_of_one_file_has_no_memory_and_one_package_alone_none_at_all():
    model, alone = tiny_model(1), SourceFile("r", "r/alone.py", TEXT, 1.0)
    memories = measuring.Memories(model, [*files("p"), *files("q"), alone], "python", tokens=64, context=64)
    assert memories.of("p/one.py").mixture(model, None) is not None
    assert memories.of("r/alone.py") is None
    with pytest.raises(ConfigurationError, match="no weights"):
        measuring.Memories(model, [*files("p"), alone], "python", tokens=64, context=64)
    weighed = dataclasses.replace(model, remembers={"python": {(8, 0, 2): 0.5}})
    assert measuring.Memories(weighed, files("p"), "python", tokens=64, context=64).of("p/one.py") is not None


def test_a_store_has_the_package_s_files_in_other_languages_too(tmp_path):
    from kvlsp.laboratory.commands.held_out import Drawn

    path = tmp_path / "corpus.jsonl"
    beside = SourceFile("p", "p/area.js", "function area(width, height) { return width * height }\n" * 9, 1.0)
    alone = SourceFile("q", "q/one.py", TEXT, 1.0)
    save_corpus(Corpus([], [files("p")[0], beside, alone], {}), path)
    drawn = Drawn(1, [path], 0)
    workspaces = measuring.by_package(drawn.workspace())
    packages = measuring.by_package(drawn.files(), workspaces)
    assert {name: [file.path for file in found] for name, found in packages.items()} == {"p": ["p/one.py"]}
    stores = measuring.Stores(tiny_model(1), workspaces["p"])
    begun = stores.ids("p/area.js")[:12]
    assert stores.without("p/one.py").find(begun[:8]).length == 8
    assert Drawn(1, [path], 0, "javascript").files() == [beside]


def test_confidence_is_measured_with_the_memory_too(tmp_path):
    path = tmp_path / "corpus.jsonl"
    save_corpus(Corpus([], [*files("p"), *files("q")], {}), path)
    done = CliRunner().invoke(app, ["confidence", "--from", str(path), "--count", "2", "--memory", "--threads", "1",
                                    "--json"])  # fmt: skip
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert len(figures["places"]) == 2
    assert [row["share"] for row in figures["surest"]] == [0.76, 0.5]


def test_without_a_weight_nothing_changes():
    model, package = tiny_model(1), files("p")
    stores = measuring.Stores(model, package)
    lines = measuring.first_lines(model, stores, package, 4, Settings(max_tokens=8), {})
    for line in lines:
        assert (line.alone.place, line.alone.offered) == (line.mixed.place, line.mixed.offered)
        assert line.alone.confidence == pytest.approx(line.mixed.confidence, rel=1e-3)
    scored = measuring.scored(model, stores, package, 64, 64)
    text = measuring.of_text(scored, {})
    assert (text["nats"], text["top1"]) == (text["nats_mixed"], text["top1_mixed"])
    assert measuring.of_text(scored, measuring.learn(scored))["nats_mixed"] < text["nats"]


def test_a_gain_has_an_interval():
    right, wrong = Judged("p", "a", "a", 0.5), Judged("p", "b", "a", 0.5)
    found = measuring.gain([measuring.Line(wrong, right)] * 30 + [measuring.Line(right, right)] * 70)
    assert (found["right"], found["right_mixed"], found["gained"], found["lost"]) == (70, 100, 30, 0)
    low, high = found["interval"]
    assert 0 < low < 30 < high


def test_the_command_prints_what_others_read(tmp_path):
    path = tmp_path / "corpus.jsonl"
    save_corpus(Corpus([], [*files("p"), *files("q")], {}), path)
    done = CliRunner().invoke(app, ["workspace-memory", "--from", str(path), "--count", "1", "--tokens", "256",
                                    "--context", "128", "--threads", "1", "--json"])  # fmt: skip
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert [row["package"] for row in figures["packages"]] == ["p", "q"]
    assert figures["all"]["carets"] == 2
    assert figures["thresholds"][0]["threshold"] == figures["thresholds_mixed"][0]["threshold"] == 0
    assert all(0 < row["kept_of_10000_files"] <= 10_000 for row in figures["packages"])
