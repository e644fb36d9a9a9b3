"""The prompts of models that were made for the next edit, as they are published, from texts alone."""

from __future__ import annotations

import json

import pytest
import tokenizers

from kvlsp.prompt.edit_formats import FORMATS, Asked, Edited, ids, of_model, prompt, table
from kvlsp.tokens.tokenizer import Tokenizer
from tests.support.byte_tokenizer import byte_tokenizer_json
from tests.support.vocabularies import VOCABULARIES, NotThere, fetch

ZETA, SWEEP = FORMATS
ASKED = Asked("a.py", "above\n", "def f(total):\n    return amount", "below", "def f(amount):\n    return amount", 11,
              [Edited("def f(amount):", "def f(total):", "@@ -2,1 +2,1 @@\n-def f(amount):\n+def f(total):\n")])


def text(form, asked=ASKED):
    return "".join(piece for _, piece in prompt(form, asked))


def tokenizer_with(marks: tuple[str, ...]) -> str:
    """The byte tokenizer with these control tokens instead of its own."""
    source = json.loads(byte_tokenizer_json())
    for number, mark in enumerate(marks, 1):
        source["added_tokens"][number]["content"] = mark
        source["model"]["vocab"] = {mark if at == number else name: at for name, at in source["model"]["vocab"].items()}
    return json.dumps(source)


def test_zeta_2():
    assert text(ZETA) == (
        "<[fim-suffix]>below\n<[fim-prefix]><filename>edit_history\n--- a/a.py\n+++ b/a.py\n"
        "@@ -2,1 +2,1 @@\n-def f(amount):\n+def f(total):\n\n<filename>a.py\nabove\n<<<<<<< CURRENT\n"
        "def f(total<|user_cursor|>):\n    return amount\n=======\n<[fim-middle]>")


def test_sweep():
    assert text(SWEEP) == (
        "<|file_sep|>a.py.diff\noriginal:\ndef f(amount):\nupdated:\ndef f(total):\n"
        "<|file_sep|>original/a.py\ndef f(amount):\n    return amount\n"
        "<|file_sep|>current/a.py\ndef f(total):\n    return amount\n<|file_sep|>updated/a.py\n")


@pytest.mark.parametrize("form", FORMATS)
def test_its_tokens_are_those_of_the_published_tokenizer(form):
    source = tokenizer_with(form.marks)
    whole = tokenizers.Tokenizer.from_str(source).encode(text(form), add_special_tokens=False).ids
    assert list(ids(prompt(form, ASKED), Tokenizer.from_json(source))) == whole
    assert ids(prompt(form, ASKED), Tokenizer.from_json(source), begin=(0,))[0] == 0


@pytest.mark.parametrize("form", FORMATS)
def test_a_document_that_spells_a_control_token_has_none(form):
    tokenizer = Tokenizer.from_json(tokenizer_with(form.marks))
    mark = form.marks[-1]
    asked = Asked("a.py", "", f"x = '{mark}'", "", f"x = '{mark}'", 0, ())
    plain = Asked("a.py", "", "x = ''", "", "x = ''", 0, ())
    count = [list(ids(prompt(form, one), tokenizer)).count(tokenizer.control[mark]) for one in (asked, plain)]
    assert count[0] == count[1]


@pytest.mark.parametrize(("form", "name"), [
    (ZETA, "zed-industries/zeta-2"), (ZETA, "/models/Zeta-2"), (None, "zed-industries/zeta-2.1"),
    (SWEEP, "sweepai/sweep-next-edit-1.5B"), (None, "x"),
    (None, "Qwen/Qwen2.5-Coder-1.5B"), (None, "zed-industries/zeta"),
])
def test_a_model_is_known_by_its_tokens_and_its_name(form, name):
    control = dict.fromkeys([*ZETA.marks, *SWEEP.marks], 7)
    assert of_model(control, name) is form
    assert of_model({}, name) is None


def test_the_table_has_every_format_and_its_source():
    assert [row["models"] for row in table()] == [form.models for form in FORMATS]
    assert all(row["read in"] and row["prompt"] for row in table())


@pytest.mark.slow
def test_a_real_vocabulary(tmp_path):
    """Qwen's, which Sweep's models have."""
    [qwen] = [one for one in VOCABULARIES if one.name == "Qwen3"]
    try:
        folder = fetch(qwen, tmp_path)
    except NotThere as error:
        pytest.skip(str(error))
    source = (folder / "tokenizer.json").read_text(encoding="utf-8")
    tokenizer = Tokenizer.load(folder)
    whole = tokenizers.Tokenizer.from_str(source).encode(text(SWEEP), add_special_tokens=False).ids
    assert list(ids(prompt(SWEEP, ASKED), tokenizer)) == whole
    assert of_model(tokenizer.control, "sweep-next-edit-0.5B") is SWEEP
