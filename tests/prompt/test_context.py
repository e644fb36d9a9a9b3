"""Pieces of other files in the formats of the families, as text."""

from __future__ import annotations

import numpy as np
import pytest

from kvlsp.prompt import context
from kvlsp.prompt.families import detect
from kvlsp.prompt.template import Template
from kvlsp.tokens.tokenizer import Tokenizer
from tests.support.byte_tokenizer import CONTROL, byte_tokenizer_json

TOKENIZER = Tokenizer.from_json(byte_tokenizer_json())
OURS = detect(TOKENIZER.control)
QWEN = detect({**TOKENIZER.control, "<|im_start|>": 300})
WITHOUT = Template("no separator", "prefix_first", begin=(0,), prefix=(1,), suffix=(2,), middle=(3,))


def shown(ids) -> str:
    """Ids as text, control tokens in their names."""
    names = dict(enumerate(CONTROL))
    return "".join(names[one] if one in names else TOKENIZER.decode(np.array([one])) for one in ids.tolist())


@pytest.mark.parametrize(("template", "name"), [(OURS, "<|repo_name|>trio"), (QWEN, "<|repo_name|>trio\n"),
                                                (WITHOUT, "")])
def test_a_repository_is_named_where_the_family_has_a_token_for_it(template, name):
    assert shown(context.header(template, TOKENIZER, "trio")) == name


def test_a_repository_without_a_name_still_opens_the_pieces():
    assert shown(context.header(OURS, TOKENIZER, "")) == "<|repo_name|>workspace"


def test_files_are_separated_as_the_default_model_was_trained():
    for text in ("x = 1\n", "x = 1"):  # a last line without an end gets one
        assert shown(context.piece(OURS, TOKENIZER, "a/b.py", text)) == "<|file_sep|>a/b.py\nx = 1\n"
    assert shown(context.piece(OURS, TOKENIZER, "a/b.py", "")) == "<|file_sep|>a/b.py\n"
    assert shown(context.closing(OURS, TOKENIZER, "c.py")) == "<|file_sep|>c.py\n"


def test_to_other_models_pieces_are_comments():
    ids = context.piece(WITHOUT, TOKENIZER, "a/b.py", "def f():\n\n    pass\n", "#")
    assert shown(ids) == "# a/b.py\n# def f():\n#\n#     pass\n"
    assert shown(context.closing(WITHOUT, TOKENIZER, "c.py")) == ""


def test_control_tokens_in_a_piece_are_ordinary_text():
    ids = context.piece(OURS, TOKENIZER, "<|fim_middle|>.py", "x = '<|endoftext|>'\n")
    assert [one for one in ids.tolist() if one < len(CONTROL)] == list(OURS.file_separator)


@pytest.mark.parametrize(("template", "prefix"), [
    (OURS, "<|repo_name|>trio"), (WITHOUT, "<|endoftext|><|fim_prefix|>"),
])
def test_what_pieces_are_encoded_behind(template, prefix):
    head = context.header(template, TOKENIZER, "trio")
    assert shown(context.before_first(template, head)) == prefix
