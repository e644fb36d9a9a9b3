"""What is asked about the engine and changes nothing."""

from __future__ import annotations

from collections.abc import Callable

from kvlsp.engine.describe import describe_document, describe_engine
from kvlsp.engine.documents import Documents
from kvlsp.engine.line_ends import LineEnds
from kvlsp.engine.models import Models
from kvlsp.engine.statistics import Statistics
from kvlsp.messages import (
    DescribeDocument,
    DescribeEngine,
    DescribeTokens,
    DocumentDescribed,
    EngineDescribed,
    Event,
    Question,
    TokensDescribed,
)


class Questions:
    """Used from the engine's thread only."""

    def __init__(self, documents: Documents, statistics: Statistics, models: Models, line_ends: LineEnds,
                 events: Callable[[Event], None]) -> None:
        self._documents, self._statistics, self._models = documents, statistics, models
        self._line_ends, self._events = line_ends, events

    def answer(self, question: Question) -> None:
        """Answer at once, by an event."""
        documents, model = self._documents, self._documents.model
        match question:
            case DescribeDocument(ticket, uri):
                described = describe_document(documents.get(uri), self._line_ends.snapshot(uri))
                self._events(DocumentDescribed(ticket, described))
            case DescribeEngine(ticket):
                statistics = describe_engine(documents, self._statistics, self._models.description)
                self._events(EngineDescribed(ticket, statistics))
            case DescribeTokens(ticket, ids):
                texts = tuple(map(model.tokenizer.piece, ids)) if model is not None else ()
                self._events(TokensDescribed(ticket, texts))
