"""What an engine is made of, put together: each part once, given the parts that it uses."""

from __future__ import annotations

from collections.abc import Callable

from kvlsp.config import Settings
from kvlsp.engine.answering import Answering
from kvlsp.engine.completer import Completer
from kvlsp.engine.documents import Documents
from kvlsp.engine.line_ends import LineEnds
from kvlsp.engine.models import Models
from kvlsp.engine.next_edits import NextEdits
from kvlsp.engine.questions import Questions
from kvlsp.engine.reporting import Reporting
from kvlsp.engine.shelving import Fetched
from kvlsp.engine.statistics import Statistics
from kvlsp.engine.tidying import Tidying
from kvlsp.engine.unloading import Unloading
from kvlsp.engine.upkeep import Upkeep
from kvlsp.engine.watching import Watching
from kvlsp.messages import Event
from kvlsp.model.memory import give_back
from kvlsp.opening.loading import Load, Loaded


class Parts:
    """The parts of one engine. ``events`` hears what they say; ``post`` takes what a load, or
    the disk, brings."""

    def __init__(self, settings: Settings, events: Callable[[Event], None], load: Load, clock: Callable[[], float],
                 post: Callable[[Loaded | Fetched], None]) -> None:
        self.line_ends = LineEnds()
        self.events = events = self.line_ends.outwards(events)
        self.documents = documents = Documents(settings, clock)
        self.statistics = Statistics()
        self.answering = Answering(self.statistics, clock, events)
        self.completer = Completer(documents, self.answering, clock)
        self.next_edits = NextEdits(documents, self.answering.offers, clock, events)
        self.upkeep = Upkeep(documents, self.completer, self.next_edits, clock, events)
        self.tidying = Tidying(clock, give_back)
        self.models = Models(documents, self.completer, load, post, events)
        self.watching = Watching(documents, self.statistics, self.models, clock, events)
        self.questions = Questions(documents, self.statistics, self.models, self.line_ends, events)
        self.unloading = Unloading(documents, self.models, clock, self._give_back)
        self.reporting = Reporting(self.answering.say, events)

    def _give_back(self) -> None:
        self.next_edits.forget_readers()
        give_back()
