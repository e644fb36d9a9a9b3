"""Rows for a shelf: sessions of tiny models, and what a model's files look like to it."""

from __future__ import annotations

from kvlsp.engine.session import Session
from kvlsp.opening.model import Model
from kvlsp.shelf.file import Label
from kvlsp.shelf.shelf import Kind
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope

LINES = "".join(f"value_{number} = compute({number}, limit)\n" for number in range(40))


def session_of(model: Model, text: str, context: int = 4096, *, grows: bool = True) -> Session:
    return Session(model, Snapshot("memory", 0, Rope.of(text), ""), context=context, generation_rows=16, grows=grows)


def kind_of(model: Model, identity: str = "here") -> Kind:
    return Kind.of(identity, model.name, model.description, model.decoder, model.template)


def label_of(kind: Kind, per_row: float = 1.0) -> Label:
    return Label(kind.key, kind.name, per_row)


def settled(session: Session, caret: int, *, exact: bool = True) -> Session:
    """All laid out at ``caret``, and exact."""
    session.sync(caret, slide=True)
    while exact and session.refresh(256):
        pass
    return session
