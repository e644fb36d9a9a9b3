"""Settings are checked once, where they are read, and each refusal says what would do."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from kvlsp import default_model
from kvlsp.config import LEAST_CACHE_MIB, LEAST_CONTEXT_TOKENS, MEBIBYTE, Settings, camel
from kvlsp.errors import ConfigurationError
from kvlsp.prompt.window import BLOCK

FIELDS = {camel(field.name): field for field in dataclasses.fields(Settings)}
NUMBERS = sorted(name for name, field in FIELDS.items() if field.metadata["low"] is not None)


def refusal(key: str, value: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Settings.read({key: value})
    sentence = str(caught.value)
    assert sentence.startswith(f"kvlsp.{key} (")
    assert sentence.endswith(".")
    return sentence


def value_of(key: str, value: Any) -> Any:
    return Settings.read({key: value}).as_options()[key]


def test_every_number_has_both_bounds():
    numbers = {name for name, field in FIELDS.items() if type(field.default) in (int, float)}
    assert numbers == set(NUMBERS)
    assert all(FIELDS[name].metadata["high"] is not None for name in NUMBERS)


@pytest.mark.parametrize("key", NUMBERS)
def test_ranges_hold_at_both_ends(key):
    low, high = FIELDS[key].metadata["low"], FIELDS[key].metadata["high"]
    assert (value_of(key, low), value_of(key, high)) == (low, high)
    for beyond in (low - 1, high + 1, float("inf"), -float("inf"), float("nan")):
        refusal(key, beyond)


@pytest.mark.parametrize("key", ["confidence", "temperature", "penalty"])
def test_what_is_no_number_is_in_no_range(key):
    """Python's reader of JSON takes NaN and Infinity for numbers."""
    for value in json.loads("[NaN, Infinity, -Infinity]"):
        assert "must be between" in refusal(key, value)


@pytest.mark.parametrize(("key", "value", "wanted"), [
    ("maxLines", "3", "a whole number"), ("maxLines", 1.5, "a whole number"), ("maxLines", True, "a whole number"),
    ("confidence", "x", "a number"), ("confidence", False, "a number"), ("enable", 1, "true or false"),
    ("model", 7, "a string"), ("exclude", "x", "a list of strings"), ("exclude", [1], "a list of strings"),
])
def test_kinds_are_named_in_words(key, value, wanted):
    assert refusal(key, value).endswith(f"must be {wanted}.")


def test_whole_numbers_may_have_a_point_and_numbers_need_none():
    assert value_of("maxLines", 3.0) == 3
    assert type(value_of("confidence", 1)) is float


@pytest.mark.parametrize(("key", "least"), [("contextTokens", LEAST_CONTEXT_TOKENS), ("cacheMib", LEAST_CACHE_MIB)])
def test_limits_under_which_nothing_can_be_completed_are_refused(key, least):
    assert [value_of(key, value) for value in (0, least, least + 1)] == [0, least, least + 1]
    for value in (1, least - 1):
        assert f"must be 0, or between {least} and 1048576" in refusal(key, value)
    assert str(least) in FIELDS[key].metadata["about"]


def test_the_least_cache_holds_the_least_window_of_the_default_model():
    config = json.loads((default_model.folder() / "config.json").read_text(encoding="utf-8"))
    heads = config["num_hidden_layers"] * config["num_key_value_heads"]
    bytes_of_a_token = heads * config["head_dim"] * 3 * 4  # keys, keys before rotation and values, in float32
    assert LEAST_CACHE_MIB * MEBIBYTE // bytes_of_a_token >= LEAST_CONTEXT_TOKENS > BLOCK


def test_unknown_keys_and_null_say_nothing():
    base = Settings(max_lines=3)
    assert Settings.read({"maxLines": None, "server": {"command": []}}, base) == base
    assert Settings.read(None, base) == base
    assert Settings.read(base.as_options()) == base


def test_a_language_is_the_same_however_editors_write_its_id():
    assert not Settings.read({"disabledLanguages": ["Python"]}).serves("python")
    assert not Settings.read({"disabledLanguages": ["python"]}).serves("Python")
    assert Settings.read({"languages": ["Python"]}).serves("python")
    assert not Settings.read({"languages": ["Python"]}).serves("rust")
