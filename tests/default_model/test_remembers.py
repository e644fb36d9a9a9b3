from __future__ import annotations

from kvlsp import default_model
from kvlsp.default_model.remembers import as_text, languages, weights
from kvlsp.model.identity import identity


def test_the_weights_were_learned_with_the_model_that_comes_along():
    found = weights(identity(default_model.folder()))
    assert found, ("The default model is another one than the one these weights were learned with, so it remembers "
                   "nothing. Learn new ones in each language: kvlsp evaluate workspace-memory "
                   "--from CORPUS --language NAME --learn kvlsp/default_model/workspace_memory.json")
    assert tuple(sorted(found)) == languages() == ("javascript", "python", "tsx", "typescript")
    for classes in found.values():
        assert all(0 < weight < 1 for weight in classes.values())
        assert classes[8, 2, 2] > classes[1, 2, 2]


def test_with_any_other_model_they_mean_nothing():
    assert weights("") == {}
    assert weights("0" * 64) == {}


def test_what_is_written_is_read(tmp_path, monkeypatch):
    from kvlsp.default_model import remembers

    learned = {"python": {(1, 0, 2): 0.25, (8, 4, 0): 0.5}}
    file = tmp_path / "weights.json"
    file.write_text(as_text("abc", learned))
    monkeypatch.setattr(remembers, "FILE", file)
    remembers._read.cache_clear()
    assert weights("abc") == learned
    remembers._read.cache_clear()


def test_what_is_learned_stands_beside_other_languages_of_the_same_model_only(tmp_path):
    from kvlsp.default_model.remembers import learn

    python, javascript = {(1, 0, 2): 0.25}, {(8, 4, 0): 0.5}
    file = tmp_path / "weights.json"
    learn(file, "abc", {"python": {(1, 0, 1): 0.75}})
    learn(file, "abc", {"python": python})
    learn(file, "abc", {"javascript": javascript})
    assert file.read_text(encoding="utf-8") == as_text("abc", {"python": python, "javascript": javascript})
    learn(file, "another", {"python": python})
    assert file.read_text(encoding="utf-8") == as_text("another", {"python": python})
