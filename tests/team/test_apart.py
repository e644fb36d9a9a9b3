"""Nothing of one client reaches another: not a prompt, not a draft, not an answer."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from typing import Any

from kvlsp.config import Settings
from kvlsp.engine.engine import Engine
from kvlsp.host.model import SharedModel
from kvlsp.host.thread import Prepared
from kvlsp.messages import ContextChunk, PlaceContext
from kvlsp.model.rows import RowBatch
from tests.support.byte_tokenizer import CONTROL
from tests.support.writing import writing_model
from tests.team.conftest import team

SETTINGS = Settings(max_tokens=20, multi_line="never", confidence=0.0, idle_ms=0, cross_file="always")
"""With drafts, work at rest, and pieces of other files."""
PARTS = 3


class Recorded:
    """A decoder that notes what it is given to read, by the cache that it is read into."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        self.read: dict[int, set[int]] = defaultdict(set)
        self.kept: list[Any] = []
        """So that no cache gets the number of one that has gone."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    def forward(self, document: Any, rows: RowBatch) -> Any:
        if id(document) not in self.read:
            self.kept.append(document)
        self.read[id(document)] |= {number - len(CONTROL) for number in rows.ids.tolist()}
        return self._decoder.forward(document, rows)


def test_a_marker_of_one_client_is_in_nothing_of_another():
    """Each writes capitals that nobody else does, which this model never says by itself, beside the same words: what
    is typed invites a draft of what another has typed before."""
    model = writing_model(1, b"abcdefghijklmnopqrstuvwxyz_(), =.", line=25)
    recorded = Recorded(model.decoder)

    def prepare() -> Prepared:
        return Prepared(Engine, SharedModel(lambda *_: dataclasses.replace(model, decoder=recorded)), lambda: None)

    with team(prepare=prepare) as made:
        typists = {letter: made.join(settings=SETTINGS) for letter in "QXZ"}
        for letter, typist in typists.items():
            typist.open(f"the secret of the house is {letter * 12}\n" * 4)
            typist.post(PlaceContext(typist.uri, (ContextChunk("a.py", f"the secret of all is {letter * 9}\n"),)))
            typist.status("ready")
        for part in range(PARTS):
            for typist in typists.values():
                typist.type(f"the secret of the house is {'' if part else 'not '}")
            for letter, typist in typists.items():
                offered = "".join(item.text for item in typist.ask().items)
                assert not set(offered) & set("QXZ") - {letter}
                typist.type("\n")
    capitals = [{chr(number) for number in read if number in map(ord, "QXZ")} for read in recorded.read.values()]
    assert max(map(len, capitals)) == 1
    assert set().union(*capitals) == set("QXZ")  # and each was read
