"""Leaving out what no row sees changes nothing but the time."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.model.attention import attend
from kvlsp.model.keyvalues import KeyValues, LayerShape
from kvlsp.model.rows import Branch
from kvlsp.model.sight import Sight
from kvlsp.model.visibility import Visibility

HEADS, KV_HEADS, WIDTH = 4, 2, 8


def resident(count: int, seed: int, scattered: bool) -> KeyValues:
    """``count`` rows of a document at positions 0, 1, ..., in order or scattered over twice as many slots."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        document = KeyValues([LayerShape(KV_HEADS, WIDTH, WIDTH)], 2 * count, torch.float64, torch.device("cpu"))
        slots = torch.randperm(2 * count)[:count] if scattered else torch.arange(count)
        document.extend(slots)
        document.position[slots] = torch.arange(count)
        document.owner[slots] = 0
        document.keys[0].normal_()
        document.values[0].normal_()
    return document


def both(document: KeyValues, positions: torch.Tensor, window: int | None,
         step: int | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention with a mask alone, and with sight."""
    queries = torch.randn(HEADS, len(positions), WIDTH, dtype=torch.float64)
    visibility = Visibility(document, positions, Branch(0), torch.float64)
    read, sight = document.read, Sight(document, positions, HEADS // KV_HEADS, step)
    keys, values = document.keys[0][:, :read], document.values[0][:, :read]
    plain = attend(queries, keys, values, visibility.mask(window), 0.3)
    return plain, sight.attend(queries, keys, values, sight.masks(visibility.mask)(window), 0.3)


@settings(deadline=None, max_examples=80)
@given(st.integers(1, 700), st.booleans(), st.sampled_from([None, 5, 200]), st.sampled_from([None, 32]), st.booleans(),
       st.integers(0, 99), st.data())
def test_attention_is_the_same(count, scattered, window, step, ascending, seed, data):
    drawn = data.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=120))
    positions = torch.tensor(sorted(drawn) if ascending else drawn)
    plain, seen = both(resident(count, seed, scattered), positions, window, step)
    torch.testing.assert_close(seen, plain, rtol=0, atol=1e-12)


def test_rows_at_the_top_read_only_the_top():
    (part,) = Sight(resident(1000, 0, scattered=False), torch.arange(100, 164), HEADS // KV_HEADS).parts
    assert part == (0, 64, slice(0, 164))


def test_scattered_slots_are_gathered():
    document = resident(1000, 0, scattered=True)
    (part,) = Sight(document, torch.arange(100, 164), HEADS // KV_HEADS).parts
    assert sorted(document.position[part.seen].tolist()) == list(range(164))


def test_rows_at_the_end_read_everything_as_it_lies():
    document = resident(1000, 0, scattered=False)
    assert Sight(document, torch.arange(990, 1000), HEADS // KV_HEADS).parts == [(0, 10, slice(0, document.read))]


def test_a_single_row_gathers_nothing():
    document = resident(1000, 0, scattered=True)
    assert Sight(document, torch.tensor([500]), HEADS // KV_HEADS).parts == [(0, 1, slice(0, document.read))]


def test_where_every_query_head_has_its_key_head_more_must_be_spared():
    document, rows = resident(1000, 0, scattered=False), torch.arange(700, 732)
    document.position[[0, 999]] = document.position[[999, 0]]  # what is seen does not come first
    assert isinstance(Sight(document, rows, 2).parts[0].seen, torch.Tensor)
    assert Sight(document, rows, 1).parts == [(0, 32, slice(0, document.read))]


def test_rows_far_apart_are_taken_in_parts():
    positions = torch.cat([torch.arange(50, 90), torch.arange(960, 1000)])
    first, second = Sight(resident(1000, 0, scattered=False), positions, HEADS // KV_HEADS).parts
    assert first == (0, 40, slice(0, 90))
    assert second[:2] == (40, 80)


def with_the_end_in_front(count: int, moved: int) -> KeyValues:
    """Positions 0, 1, ... in order, but for the last ``moved``, which lie in the first slots."""
    document = resident(count, 0, scattered=False)
    document.position[:count] = torch.arange(count).roll(moved)
    return document


def test_what_lies_in_front_and_is_not_seen_is_not_read():
    document, rows = with_the_end_in_front(1000, 360), torch.arange(200, 300)
    assert Sight(document, rows, HEADS // KV_HEADS).parts == [(0, 100, slice(360, 660))]
    assert Sight(document, rows, HEADS // KV_HEADS, 128).parts == [(0, 100, slice(256, 768))]


def test_with_a_step_scattered_slots_are_a_range_of_whole_steps_and_few_rows_read_everything():
    document = resident(1000, 0, scattered=True)
    (part,) = Sight(document, torch.arange(100, 164), HEADS // KV_HEADS, 128).parts
    assert isinstance(part.seen, slice)
    assert part.seen.start % 128 == 0
    document = with_the_end_in_front(1000, 360)
    assert Sight(document, torch.arange(100, 108), HEADS // KV_HEADS, 128).parts == [(0, 8, slice(0, document.read))]
