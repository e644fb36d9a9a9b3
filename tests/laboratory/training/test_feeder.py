from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kvlsp.laboratory.training.corpus import Corpus, save_corpus
from kvlsp.laboratory.training.examples import Cursor
from kvlsp.laboratory.training.feeder import Feeder
from kvlsp.laboratory.training.presets import Phase
from tests.laboratory.training.test_examples import FILES, stream, vocabulary

PHASES = (Phase("main", 64, 5, 0.5), Phase("long", 256, 1, 0.5))


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    save_corpus(Corpus(FILES, ()), tmp_path / "corpus.jsonl")
    vocabulary().tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "corpus.jsonl", tmp_path / "tokenizer.json"


def test_one_lane_is_the_stream_itself(paths: tuple[Path, Path]):
    with Feeder(*paths, PHASES, 0, 4.0) as feeder:
        batch, cursors = feeder.batch(0, feeder.first()[0])
    rows, cursor = stream(64), Cursor()
    for i in range(5):
        expected, cursor = rows.row(cursor)
        np.testing.assert_array_equal(batch.ids[i], expected.ids)
        np.testing.assert_array_equal(batch.weights[i], expected.weights)
        assert batch.unseen[i] == expected.unseen
    assert cursors == [cursor]


def test_lanes_in_processes_give_the_same_rows_again(paths: tuple[Path, Path]):
    """Made ahead or afresh from saved cursors: a resumed training reads the same."""
    with Feeder(*paths, PHASES, 0, 4.0, lanes=2) as feeder:
        first, cursors = feeder.batch(0, feeder.first()[0])
        second, after = feeder.batch(0, cursors)
        long, long_cursors = feeder.batch(1, feeder.first()[1])
    with Feeder(*paths, PHASES, 0, 4.0, lanes=2) as resumed:
        again, after_again = resumed.batch(0, cursors)
    np.testing.assert_array_equal(second.ids, again.ids)
    assert second.unseen == again.unseen
    assert after == after_again
    assert first.ids.shape == (5, 65)
    assert len(first.unseen) == 5
    assert long.ids.shape == (1, 257)
    assert not np.array_equal(first.ids, second.ids)
    assert long_cursors[0] != Cursor() == long_cursors[1]  # one row: the second lane was not asked
