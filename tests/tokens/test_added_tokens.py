"""Added tokens: those that steer a model are no text, the others are."""

from __future__ import annotations

import json
from functools import cache

import pytest

from kvlsp.errors import TokenizationError, TokenizerError
from kvlsp.prompt.families import FAMILIES
from kvlsp.tokens.control import is_control, named_in
from kvlsp.tokens.published import Published
from kvlsp.tokens.tokenizer import Tokenizer
from tests.support.tokenizers import tokenizer_json

ENDLESS = r"(?:z|zz)+(?=!)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


@cache
def made(kind: str) -> Tokenizer:
    return Tokenizer.from_json(tokenizer_json(kind))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("added-letters", "Größe = übermütig <b>"),
        ("gemma", "if x:\n     y\n\n\n\t\t<b>z</b><table>"),
        ("white-space-tokens", "if x:\n                  y\n"),
    ],
)
def test_added_tokens_that_are_not_special_are_text(kind: str, text: str) -> None:
    tokenizer = made(kind)
    published = Published(tokenizer_json(kind), tokenizer.control)
    found = tokenizer.encode(text)
    wanted = published.ids(text)
    assert wanted is not None
    assert found.ids.tolist() == wanted.tolist()
    assert tokenizer.decode(found.ids) == text
    assert not set(found.ids.tolist()) & set(tokenizer.control.values())


def test_an_added_token_keeps_its_id_when_a_control_token_before_it_is_left_out() -> None:
    """The library numbers added tokens in the order in which it meets them."""
    file = json.loads(tokenizer_json("added-letters"))
    ids = {entry["content"]: entry["id"] for entry in file["added_tokens"]}
    tokenizer = made("added-letters")
    assert "<|User|>" in tokenizer.control
    assert tokenizer.encode("ö", initial=False).ids.tolist() == [ids["ö"]]
    assert tokenizer.encode("<b>", initial=False).ids.tolist() == [ids["<b>"]]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda one: one.name)
def test_the_tokens_of_every_family_are_control_tokens(family) -> None:
    """Also where a file forgets to call them special."""
    for name in (family.prefix, family.suffix, family.middle, family.file_separator, family.repository):
        assert not name or is_control({"content": name, "special": False}), name


@pytest.mark.parametrize("name", ["[REFERENCE_DOC_19]", "[TOOL_CALLS]", "[INST]"])
def test_names_in_capitals_and_brackets_steer_a_model(name: str) -> None:
    """Mistral's SentencePiece model calls some of them text. Where a vocabulary puts a space before a text, added text
    would have every edit tokenize all of it."""
    assert is_control({"content": name, "special": False})
    assert not is_control({"content": name.lower(), "special": False})


@pytest.mark.parametrize("text", ["ü", "<b>", "</s>", "    ", "\n\n", "▁▁", "<unused7>", "<think>", "self", "[x]"])
def test_text_is_no_control_token_unless_it_is_said_to_be(text: str) -> None:
    assert not is_control({"content": text, "special": False})
    assert is_control({"content": text, "special": True})
    assert is_control({"content": text, "special": False}, named={text})


def test_a_token_that_takes_white_space_along_is_no_text() -> None:
    assert is_control({"content": "</s>", "special": False, "rstrip": True})


def test_names_of_control_tokens_in_the_settings() -> None:
    settings = {
        "bos_token": "<s>", "eos_token": {"content": "</s>"}, "pad_token": None, "add_bos_token": True,
        "additional_special_tokens": ["<a>"],
        "added_tokens_decoder": {"5": {"content": "<c>", "special": True}, "6": {"content": "<d>", "special": False}},
    }  # fmt: skip
    assert named_in(settings) == {"<s>", "</s>", "<a>", "<c>"}


def test_a_folder_s_settings_name_control_tokens_and_its_configuration_the_rows(tmp_path) -> None:
    file = json.loads(tokenizer_json("gemma"))
    last = max(entry["id"] for entry in file["added_tokens"])
    more = [{**file["added_tokens"][0], "id": last + n, "content": name, "special": special}
            for n, (name, special) in enumerate([("<end>", False), ("<image>", True), ("<i>", False)], 1)]
    file["added_tokens"] += more
    (tmp_path / "tokenizer.json").write_text(json.dumps(file))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<end>"}))
    (tmp_path / "config.json").write_text(json.dumps({"text_config": {"vocab_size": last + 2}}))
    tokenizer = Tokenizer.load(tmp_path)
    assert "<end>" in tokenizer.control
    # the model has no rows for the last two: one steers and is never used, the other is spelled with other tokens
    assert "<image>" not in tokenizer.control
    ids = tokenizer.encode("a<image><i>", initial=False).ids
    assert max(ids) < last + 2
    assert tokenizer.vocabulary_size <= last + 2
    assert tokenizer.decode(ids) == "a<image><i>"
    assert "<image>" in Tokenizer.load(tmp_path, rows=last + 9).control


@pytest.mark.parametrize("kind", ["gemma", "llama3"])
def test_an_added_text_that_the_vocabulary_lists_too_is_never_said_without_a_row(kind: str) -> None:
    file = json.loads(tokenizer_json(kind))
    rows = 1 + max(*file["model"]["vocab"].values(), *(entry["id"] for entry in file["added_tokens"]))
    file["model"]["vocab"]["<i>"] = rows
    file["added_tokens"].append({**file["added_tokens"][0], "content": "<i>", "id": rows, "special": False})
    tokenizer = Tokenizer(json.dumps(file), rows=rows)
    assert rows not in tokenizer.starting_with("<")
    assert tokenizer.vocabulary_size == rows
    assert tokenizer.decode(tokenizer.encode("a<i>", initial=False).ids) == "a<i>"
    assert rows in Tokenizer(json.dumps(file), rows=rows + 1).starting_with("<")


def test_a_vocabulary_larger_than_the_model_is_refused() -> None:
    with pytest.raises(TokenizerError, match="do not belong together"):
        Tokenizer(tokenizer_json("gpt2"), rows=700)


def test_a_begin_token_that_only_the_post_processor_adds() -> None:
    file = json.loads(tokenizer_json("llama3"))
    number = next(entry["id"] for entry in file["added_tokens"] if entry["content"] == "<|endoftext|>")
    assert made("llama3").begin == ()
    file["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "B", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {"B": {"id": "B", "ids": [number], "tokens": ["<|endoftext|>"]}},
    }
    assert Tokenizer.from_json(json.dumps(file)).begin == (number,)
    rows = 1 + max(*file["model"]["vocab"].values(), *(entry["id"] for entry in file["added_tokens"]))
    assert Tokenizer(json.dumps(file), rows=rows).begin == (number,)
    file["post_processor"]["special_tokens"]["B"]["ids"] = [rows]  # as where a model was saved without its last tokens
    assert Tokenizer(json.dumps(file), rows=rows).begin == ()


def test_a_tokenizer_that_asks_for_something_unknown_is_refused() -> None:
    file = json.loads(tokenizer_json("gpt2"))
    entry = {**file["added_tokens"][0], "content": "straße", "special": False, "id": 5_000}
    file["added_tokens"].append(entry)  # the library will number it otherwise than the file
    with pytest.raises(TokenizerError, match="other tokens than the model was trained on"):
        Tokenizer.from_json(json.dumps(file))


def test_a_tokenizer_that_loses_text_is_refused() -> None:
    file = json.loads(tokenizer_json("gpt2"))
    file["model"]["vocab"]["no longer Ã"] = file["model"]["vocab"].pop("Ã")
    file["model"]["merges"] = [one for one in file["model"]["merges"] if "Ã" not in "".join(one)]
    with pytest.raises(TokenizerError, match="loses text"):
        Tokenizer.from_json(json.dumps(file))


@pytest.mark.parametrize("normaliser", [
    {"type": "Lowercase"}, {"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "Nmt"},
    {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}]},
    {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
], ids=lambda normaliser: normaliser["type"])  # fmt: skip
def test_a_normaliser_that_loses_what_a_program_is_made_of_is_refused(normaliser) -> None:
    file = {**json.loads(tokenizer_json("gpt2")), "normalizer": normaliser}
    with pytest.raises(TokenizerError, match="loses text"):
        Tokenizer.from_json(json.dumps(file))


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_a_normaliser_that_writes_characters_otherwise_is_not(form) -> None:
    Tokenizer.from_json(json.dumps({**json.loads(tokenizer_json("gpt2")), "normalizer": {"type": form}}))


def with_pattern(pattern: str) -> str:
    file = json.loads(tokenizer_json("qwen2"))
    file["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = pattern
    return json.dumps(file)


def test_a_pattern_that_never_ends_is_refused_at_load() -> None:
    with pytest.raises(TokenizerError, match="more attempts"):
        Tokenizer.from_json(with_pattern(ENDLESS))


def test_where_the_library_gives_up_it_is_an_error_of_that_text() -> None:
    tokenizer = Tokenizer.from_json(with_pattern(ENDLESS.replace("(?:z|zz)+(?=!)", "q(?:xy|xyxy)+(?=!)")))
    assert tokenizer.rule == "A"
    with pytest.raises(TokenizationError, match="gave up on this document"):
        tokenizer.encode("q" + "xy" * 60)
    assert tokenizer.decode(tokenizer.encode("still here").ids) == "still here"
