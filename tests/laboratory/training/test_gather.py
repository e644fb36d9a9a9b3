from __future__ import annotations

import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kvlsp.cli.program import app
from kvlsp.laboratory.training.corpus import Corpus, load_corpus
from kvlsp.laboratory.training.gather import gather
from kvlsp.laboratory.training.packages import Named
from tests.laboratory.training.test_archives import npm_package, wheel
from tests.laboratory.training.test_corpus import module, put

LIST = """
[python]
held-out = ["click"]
packages = ["alpha", "beta", "bound", "gone"]
[javascript]
held-out = ["express"]
packages = ["@one/shapes", "shapes"]
"""
LISTS = [
    Named("pypi", ("alpha", "beta", "bound", "gone"), ("click",)),
    Named("npm", ("@one/shapes", "shapes"), ("express",)),
]


def script(seed: int, functions: int = 12) -> str:
    """JavaScript that shares no three lines in a row with a script of another seed."""
    rng = random.Random(seed)
    names = ["read" + "".join(rng.choices("bcdfghklmnprstvw", k=7)) for _ in range(functions)]
    return "".join(
        f"/** Does {name} of it. */\nexport function {name}(value) {{\n  const {name}Result = value + '{name}';\n"
        f"  return {name}Result;\n}}\n\n"
        for name in names
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    archives = tmp_path / "archives"
    pypi, npm = archives / "pypi", archives / "npm"
    wheel(pypi / "click" / "click.whl", {"click/core.py": module(4), "click/tests/test_core.py": module(14)})
    wheel(
        pypi / "alpha" / "alpha.whl",
        {
            "alpha/core.py": module(1),
            "alpha/twice.py": module(1) + "\nTAIL = 1\n",
            "alpha/renamed.py": module(4) + module(5, functions=3),
            "alpha/test_copy.py": module(14),
            "alpha/old.py": module(6) + "print 'two'\n",
            "alpha/theirs.py": "# Under the GNU General Public License, version 2\n" + module(8),
        },
    )
    wheel(pypi / "beta" / "beta.whl", {"beta/copy.py": module(1), "beta/own.py": module(2)})
    wheel(pypi / "bound" / "bound.whl", {"bound/own.py": module(3)}, "License: GPLv3\n")
    npm_package(npm / "express" / "e.tgz", {"lib/a.js": script(4), "test/a.js": script(14)}, name="express")
    npm_package(
        npm / "@one__shapes" / "s.tgz",
        {"src/a.ts": script(1).replace("(value)", "(value: string)"), "dist/a.js": script(2), "lib/copy.js": script(4)},
    )
    npm_package(npm / "shapes" / "s.tgz", {"lib/b.js": script(3), "lib/b.min.js": script(5)}, name="shapes")
    put(tmp_path, "library/os.py", module(9))
    put(tmp_path, "library/site-packages/else.py", module(10))
    return tmp_path


def paths(corpus: Corpus) -> list[str]:
    return [file.path for file in corpus.train]


def test_a_corpus_of_packages(folder: Path):
    gathered = gather(LISTS, folder / "archives", folder / "c.jsonl", standard_library=folder / "library")
    corpus = load_corpus(folder / "c.jsonl")
    assert paths(corpus) == ["os.py", "alpha/core.py", "beta/own.py", "@one/alpha/src/a.ts", "shapes/lib/b.js"]
    assert [file.path for file in corpus.held_out] == ["click/core.py", "express/lib/a.js"]
    assert corpus.licences == {
        "@one/alpha": "MIT (1.2.0)",
        "alpha": "MIT (1.2)",
        "python-stdlib": f"PSF-2.0 ({corpus.licences['python-stdlib'][9:-1]})",
        "shapes": "MIT (1.2.0)",
    }
    for reason in (
        "package without a permissive licence",
        "package not fetched",
        "duplicate",
        "copy of a held-out package",
        "another licence in the file",
        "minified, bundled or generated module",
    ):
        assert corpus.refused[reason], reason
    assert corpus.refused["copy of a held-out package"] == 3
    assert set(gathered.characters) == {"python", "typescript", "javascript"}
    assert sum(gathered.characters.values()) == sum(len(file.text) for file in corpus.train)


def test_a_package_gives_its_best_files_up_to_the_cap_and_few_tests(folder: Path):
    few = module(21, functions=4)
    bare = "\n".join(line for line in module(22, functions=4).split("\n") if '"""' not in line)
    wheel(
        folder / "archives" / "pypi" / "alpha" / "alpha.whl",
        {"alpha/a.py": bare, "alpha/b.py": few, "alpha/test_a.py": module(23, functions=4)},
    )
    cap = len(few) + 10
    gather(LISTS[:1], folder / "archives", folder / "c.jsonl", standard_library=folder / "library", cap=cap)
    assert [path for path in paths(load_corpus(folder / "c.jsonl")) if path.startswith("alpha")] == ["alpha/b.py"]


def test_enough_is_enough(folder: Path):
    limits = {"pypi": 10}
    gather(LISTS, folder / "archives", folder / "c.jsonl", standard_library=folder / "library", limits=limits)
    assert paths(load_corpus(folder / "c.jsonl")) == ["os.py", "@one/alpha/src/a.ts", "shapes/lib/b.js"]


def test_the_command_gathers_and_packs(folder: Path):
    (folder / "list.toml").write_text(LIST, encoding="utf-8")
    options = ["--out", str(folder), "--packages", str(folder / "list.toml"), "--no-fetch", "--python-characters", "0"]
    result = CliRunner().invoke(app, ["corpus", *options])
    assert result.exit_code == 0, result.output
    assert "shapes: 0.00 M characters; in all" in result.output
    assert paths(load_corpus(folder / "corpus.jsonl")) == ["@one/alpha/src/a.ts", "shapes/lib/b.js"]
    small = folder / "small.jsonl.xz"
    result = CliRunner().invoke(
        app, ["corpus", "--out", str(folder), "--pack", str(small), "--pack-characters", "6000"]
    )
    assert result.exit_code == 0, result.output
    assert 0 < sum(len(file.text) for file in load_corpus(small).train) <= 6000
