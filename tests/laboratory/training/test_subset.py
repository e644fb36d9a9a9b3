from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.laboratory.training.corpus import Corpus, SourceFile
from kvlsp.laboratory.training.subset import subset

SIZES = st.dictionaries(st.sampled_from("abcde"), st.lists(st.integers(1, 40), min_size=1, max_size=5))


def corpus(sizes: dict[str, list[int]]) -> Corpus:
    files = [
        SourceFile(package, f"{package}/{number}.py", "x" * size, number / 10)
        for package, of_files in sizes.items()
        for number, size in enumerate(of_files)
    ]
    return Corpus(tuple(files), (SourceFile("held", "held/a.py", "y", 1.0),), dict.fromkeys(sizes, "MIT"))


def test_every_package_gives_its_share_best_files_first():
    whole = corpus({"large": [10, 10, 10, 10], "small": [5], "middle": [10, 10]})
    small = subset(whole, 45)
    assert [file.path for file in small.train] == [
        "large/2.py",
        "large/3.py",
        "small/0.py",
        "middle/0.py",
        "middle/1.py",
    ]
    assert small.held_out == whole.held_out


def test_all_of_it_when_there_is_room():
    whole = corpus({"a": [3, 4], "b": [9]})
    assert subset(whole, 1000) == whole


@settings(deadline=None)
@given(SIZES, st.integers(0, 300))
def test_never_more_than_asked_for(sizes: dict[str, list[int]], characters: int):
    whole = corpus(sizes)
    small = subset(whole, characters)
    assert sum(len(file.text) for file in small.train) <= characters
    assert set(small.train) <= set(whole.train)
    assert set(small.licences) == {file.package for file in small.train}
