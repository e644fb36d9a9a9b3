"""Other files count beside the model: read at rest, mixed into what is chosen, and drafts change nothing of it."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.config import Settings
from kvlsp.engine import open_texts
from kvlsp.engine.oneshot import complete_text
from kvlsp.engine.remembering import Remembering
from kvlsp.messages import CloseDocument, Configure, EditDocument, OpenDocument, Remember, RememberedFile
from kvlsp.opening.model import Model
from kvlsp.syntax.language import Language
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from tests.support.engine_bench import URI, Bench
from tests.support.writing import writing_model

EVERY = {(length, places, agreed): 0.6 for length in range(1, 9) for places in range(5) for agreed in range(3)}
PYTHON = Language.of("python")


def model(letters: bytes = b"abc ") -> Model:
    return dataclasses.replace(writing_model(1, letters, line=16), remembers={"python": EVERY})


def told(*texts: str, model_: Model, chosen: Settings = Settings(), anew: bool = False,
         remembering: Remembering | None = None) -> Remembering:
    """One that has read these files."""
    remembering = remembering or Remembering()
    files = tuple(RememberedFile(f"{number}.py", text) for number, text in enumerate(texts))
    remembering.hear(Remember(files, anew), chosen)
    while remembering.waits(model_):
        remembering.step(model_)
    return remembering


@settings(deadline=None, max_examples=25)
@given(document=st.text("abc \n", min_size=1, max_size=60), file=st.text("abc \n", max_size=80),
       temperature=st.sampled_from([0.0, 0.7]), penalty=st.sampled_from([0.9, 1.0]))
def test_drafts_change_nothing(document, file, temperature, penalty):
    one = model()
    remembering = told(file, model_=one)
    texts = [
        complete_text(one, document, len(document), "python",
                      Settings(drafts=drafts, temperature=temperature, penalty=penalty, max_tokens=24),
                      remembering=remembering)
        for drafts in (True, False)
    ]
    assert texts[0].generated == texts[1].generated
    assert (texts[0].text, texts[0].reason) == (texts[1].text, texts[1].reason)


def test_what_follows_elsewhere_is_written():
    one = model(b"xyz")
    document = "abcabc = "
    remembering = told("abcabc = cab\n" * 9, model_=one)
    certain = dataclasses.replace(one, remembers={"python": dict.fromkeys(EVERY, 0.99)})
    options = Settings(max_tokens=8, penalty=1.0)
    assert complete_text(one, document, 9, "python", options).generated[:1] in "xyz"
    assert complete_text(certain, document, 9, "python", options, remembering=remembering).generated.startswith("cab")
    alone = complete_text(one, document, 9, "javascript", options)
    assert complete_text(certain, document, 9, "javascript", options, remembering=remembering) == alone


def test_a_model_without_weights_has_no_use_for_it():
    one = writing_model(1, b"abc")
    remembering = Remembering()
    remembering.hear(Remember((RememberedFile("a.py", "abc\n"),)), Settings())
    assert not remembering.waits(None)  # a model may yet come
    assert not remembering.waits(one)
    assert remembering.mixture(one, PYTHON) is None
    assert not remembering.waits(model())


@pytest.mark.parametrize("chosen", [Settings(workspace_memory="off"), Settings(model="some/model"),
                                    Settings(engine="wss://host/"), Settings(cross_file="never")])
def test_who_does_not_want_it_has_none(chosen):
    assert told("abcd\n", model_=model(), chosen=chosen).describe()["tokens"] == 0


def test_what_a_completion_is_mixed_with_stays_as_it_was():
    one = model()
    remembering = told("abca\n", model_=one)
    before = remembering.mixture(one, PYTHON)
    size = remembering.describe()["tokens"]
    told("zzzz\n", "cccc\n", model_=one, remembering=remembering)
    assert remembering.describe()["tokens"] > size
    assert remembering.mixture(one, PYTHON) is not before
    told(model_=one, remembering=remembering, anew=True)
    assert remembering.describe() == {"files": 0, "tokens": 0, "bytes": 0}
    assert remembering.mixture(one, PYTHON) is None


# --- open documents ---------------------------------------------------------------------------------------------

OTHER = "file:///other.py"


def bench() -> Bench:
    """An engine in ``OTHER``, with another document open that the user has left; at rest."""
    one = model()
    found = Bench("cab\n" * 20, Settings(max_tokens=8), lambda *_: one, "python")
    found.engine.post(OpenDocument(Snapshot(OTHER, 1, Rope.of("aaaa\n"), "python")))
    found.rest()
    return found


def tokens(bench: Bench) -> int:
    return bench.engine.documents.remembering.describe()["tokens"]


def knows(bench: Bench, document: str, text: str) -> bool:
    """Whether what is written in ``document`` is mixed with what follows ``text`` somewhere."""
    remembering, one = bench.engine.documents.remembering, bench.engine.documents.model
    mixture = remembering.mixture(one, PYTHON, document)
    logits = torch.zeros(one.tokenizer.vocabulary_size)
    ids = one.tokenizer.encode(text, initial=False).ids.tolist()
    return mixture is not None and mixture.mixed(ids, logits) is not logits


def test_a_document_that_the_user_has_left_is_remembered():
    found = bench()
    assert tokens(found) == len("cab\n" * 20)
    assert knows(found, OTHER, "ca")
    assert not knows(found, URI, "ca")  # not by itself


def test_it_is_remembered_as_it_was_left():
    found = bench()
    found.edit(0, 4, "")
    found.rest()
    assert tokens(found) == len("cab\n" * 20 + "aaaa\n")  # the user is in it again
    found.engine.post(
        EditDocument(
            OTHER, 1, (Change(Edit(0, 1, "b"), Rope.of("baaa\n")),), Snapshot(OTHER, 2, Rope.of("baaa\n"), "python")
        )
    )
    found.rest()
    assert tokens(found) == len("cab\n" * 19 + "aaaa\n")


@pytest.mark.parametrize("message", [CloseDocument(URI), Configure(Settings(max_tokens=8, workspace_memory="off"))])
def test_a_closed_or_unwanted_document_is_forgotten(message):
    found = bench()
    found.engine.post(message)
    found.rest()
    assert tokens(found) == 0


def test_other_languages_and_long_texts_are_left_out(monkeypatch):
    monkeypatch.setattr(open_texts, "LONGEST", 8)
    found = bench()
    found.engine.post(OpenDocument(Snapshot("file:///a.js", 1, Rope.of("abc\n"), "javascript")))
    found.rest()
    assert tokens(found) == len("aaaa\n")


def test_what_nobody_may_read_unasked_is_not_remembered_while_it_is_open():
    found = bench()
    found.engine.post(Remember((), withheld=(URI,)))
    found.rest()
    assert tokens(found) == 0
    found.engine.post(Remember((), anew=True))  # another process that reads the workspace
    found.rest()
    assert tokens(found) == 0
    found.engine.post(Remember((), withheld=()))
    found.rest()
    assert tokens(found) == len("cab\n" * 20)


@pytest.mark.parametrize("name", ["secrets.py", "credentials.py", ".aws/a.py"])
def test_what_may_hold_secrets_is_not_remembered(name):
    found = bench()
    found.engine.post(OpenDocument(Snapshot(f"file:///{name}", 1, Rope.of("abcabc\n"), "python")))
    found.engine.post(OpenDocument(Snapshot("file:///last.py", 1, Rope.of("c\n"), "python")))
    found.rest()
    assert tokens(found) == len("cab\n" * 20 + "aaaa\n")


def test_nothing_is_read_before_the_keyboard_rests():
    found = bench()
    found.edit(0, 0, "b")
    found.engine.post(OpenDocument(Snapshot("file:///third.py", 1, Rope.of("abc\n"), "python")))
    before = tokens(found)
    found.work()
    assert tokens(found) == before
    found.rest()
    assert tokens(found) == len("bcab\n" + "cab\n" * 19 + "aaaa\n")
