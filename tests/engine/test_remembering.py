"""Other files count beside the model: read at rest, mixed into what is chosen, and drafts change nothing of it."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.config import Settings
from kvlsp.engine.oneshot import complete_text
from kvlsp.engine.remembering import Remembering
from kvlsp.messages import Remember, RememberedFile
from kvlsp.opening.model import Model
from kvlsp.syntax.language import Language
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
