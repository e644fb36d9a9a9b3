"""One document as the model's thread sees it: text, tokens, window and resident cache, kept in step.

A session turns edits into token edits and carets into layouts, and has the cache follow. One thread uses it.
"""

from __future__ import annotations

from collections.abc import Callable

from kvlsp.cache.choosing import SEAM, Choice, overdue
from kvlsp.cache.chunks import ChunkStore, giving
from kvlsp.cache.plan import common_head
from kvlsp.cache.refresh import refresh, refresh_oldest
from kvlsp.cache.repair import CHUNK, Given, Repair, Repaired
from kvlsp.cache.resident import ResidentCache
from kvlsp.engine.context import NO_CONTEXT, Context
from kvlsp.engine.document_text import DocumentText
from kvlsp.engine.remembering import Remembering
from kvlsp.engine.sync import Sync, Totals
from kvlsp.messages import PlaceContext
from kvlsp.opening.model import Model
from kvlsp.prompt import window as windows
from kvlsp.prompt.layout import NOTHING, Layout, Run, lay_out, overhead
from kvlsp.prompt.sides import sides
from kvlsp.prompt.window import Span, Window
from kvlsp.text.document import Snapshot
from kvlsp.tokens.edit import TokenEdit

_CUT_SLACK = 128
"""Rows kept free because a cut at the caret can have a few tokens more than the document has there."""


class Session(DocumentText):
    """The document ``snapshot`` with its tokens and its cache.

    ``generation_rows`` are kept free behind the layout for generated tokens; ``context`` bounds layout and
    generated rows together, and ``advice`` tells how to raise that. A session that ``grows`` lays out little at first,
    where nothing is resident around the caret, and more whenever its owner asks for it; any other lays out its whole
    window at once.
    """

    def __init__(self, model: Model, snapshot: Snapshot, *, context: int, generation_rows: int,
                 advice: str = "Give it a longer context.", piece: int | None = None, grows: bool = False) -> None:
        super().__init__(model.tokenizer, snapshot, piece)
        self.model = model
        self.context = context
        self._text_rows = max(windows.BLOCK, context - overhead(model.template) - generation_rows - _CUT_SLACK)
        self.placed = NO_CONTEXT
        """What the layout shows of other files."""
        self._beside = NOTHING
        self.asked: tuple[PlaceContext, int] | None = None
        """What :attr:`placed` was made from: the message, and tokens at most."""
        self.remembering: Remembering | None = None
        """What completions are mixed with."""
        self.store: ChunkStore | None = None
        """Where chunks lie that are encoded already."""
        self.cache = ResidentCache(model.decoder, context, advice)
        self.grows = grows
        self.window = self._fresh_window(0)
        self.totals = Totals()
        self.full_prefill = False
        self._seam = SEAM
        """Rows behind a change at most, at the next sync."""
        self.choose: Choice | None = None
        """Which stale rows are encoded along with a change, where a caller has no choice of its own."""

    def _became(self, edit: TokenEdit, before: int, *, laid_out: bool = True) -> None:
        self.window = windows.follow(self.window, before, edit.start, edit.end, len(edit.ids),
                                     laid_out=laid_out or not self.grows)
        super()._became(edit, before, laid_out=laid_out)

    def catch_up(self, near: int | None = None) -> None:
        super().catch_up(near)
        if not self.behind and not self.grows and not len(self.cache.rows):
            self.window = self._fresh_window(0)  # as a new session has it

    def recall(self, runs: list[Span], caret: int, spare: int, seam: int) -> None:
        """Of the document the tokens of ``runs`` are resident from before: the window begins with those, and goes on
        from character ``caret`` with ``spare`` more at most, and at most ``seam`` rows behind each change."""
        self.caret, self._seam = caret, seam
        self.window = windows.recall(runs, len(self.tokens.ids), self._token(caret), self.capacity, spare)

    def goal(self, caret: int) -> Span:
        """The tokens that a window around character ``caret`` would hold in the end."""
        return windows.place(len(self.tokens.ids), self._token(caret), self.capacity).goal

    # --- context of other files ------------------------------------------------------------------------------

    @property
    def capacity(self) -> int:
        """Tokens of the document that a layout has room for."""
        return self._text_rows - len(self._beside)

    @property
    def context_room(self) -> int:
        """Rows that other files may take: half of all, and less where the document would have less than a block."""
        return min(self._text_rows // 2, self._text_rows - windows.BLOCK)

    def place(self, asked: PlaceContext, most: int, context: Context) -> None:
        """From the next layout on, show ``context``: what ``asked`` came to within ``most`` tokens."""
        self.placed, self.asked = context, (asked, most)
        self._beside = context.run

    # --- layout --------------------------------------------------------------------------------------------

    def layout(self, caret: int, *, slide: bool = False, grow: int = 0) -> Layout:
        """The rows for a completion at character ``caret``; the window follows it. With ``slide`` it may also move for
        the sake of later, and is laid out as a whole; with ``grow`` so many rows at most are new on that account, or as
        many as it takes in a session that does not grow."""
        self.window = self._window_at(caret, slide=slide, grow=grow)
        self.caret = caret
        return lay_out(self.model.template, *self.sides(caret), self._beside)

    def _fresh_window(self, token: int) -> Window:
        """Where nothing is resident, for a caret before ``token``."""
        first = windows.begin if self.grows else windows.place
        return first(len(self.tokens.ids), token, self.capacity)

    def _window_at(self, caret: int, *, slide: bool = False, grow: int = 0) -> Window:
        """The window that follows the caret to character ``caret``."""
        tokens, token = len(self.tokens.ids), self._token(caret)
        window, order = self.window, self.model.template.order
        lays_out = order != "plain" or window.start < token  # in plain order what stands behind the caret is no row
        if self.grows and not len(self.cache.rows) and lays_out:
            window = self._fresh_window(token)
        if slide or (grow and not self.grows):
            return windows.slide(window, tokens, token, self.capacity)
        if grow:
            return windows.grow(window, tokens, token, self.capacity, grow, order)
        window = windows.keep_up(window, tokens, token, self.capacity)
        if order == "plain" and token and window.start >= token:  # not one row would be laid out
            return self._fresh_window(token)
        return window if self.grows else window.whole

    @property
    def wants_slide(self) -> bool:
        """Whether an idle moment should move the window, or let it grow."""
        token = self._token(self.caret)
        return windows.slide(self.window, len(self.tokens.ids), token, self.capacity) != self.window

    def growth(self, rows: int) -> int | None:
        """The layout row from which on the next ``rows`` would be new; None when nothing is left to grow."""
        if not self.wants_slide:
            return None
        grown = self._window_at(self.caret, grow=rows)
        layout = lay_out(self.model.template, *self.sides(self.caret, grown), self._beside)
        return common_head(self.cache.rows.cells, layout.cells)

    def sides(self, caret: int, window: Window | None = None) -> tuple[Run, Run]:
        """Tokens before and after ``caret`` that a window (None: today's) lays out, tokenized apart at the cut."""
        return sides(self.tokens.ids, self.tokens.serials, self.cut(caret), window or self.window)

    # --- cache ---------------------------------------------------------------------------------------------

    def begin_sync(self, caret: int, *, slide: bool = False, grow: int = 0,
                   wanted: Callable[[Layout], list[int]] | None = None, choose: Choice | None = None,
                   seam: int = SEAM) -> Sync:
        """Begin to make the layout at ``caret`` resident; ``wanted`` names layout rows whose logits are asked for."""
        jumped = not self.window.holds(self._token(caret))
        layout = self.layout(caret, slide=slide, grow=grow)
        if self.full_prefill:
            self.cache.forget()
        first = not len(self.cache.rows) and self.window != self.window.whole
        if grow:
            self.cache.reserve(len(self.window.whole) + self.context - self.capacity)
        # what a window that grows makes stale is refreshed once, when it has grown: no repair, and no sign of age
        repair = Repair(self.cache, layout, wanted=wanted(layout) if wanted is not None else (), given=self._given,
                        choose=None if grow else choose or self.choose, seam=0 if grow else min(seam, self._seam),
                        counts=not grow, apart=first)
        self._seam = SEAM
        return Sync(layout, repair, lambda repaired: self.totals.add(repaired, slide=bool(slide or grow or jumped)))

    def sync(self, caret: int, *, slide: bool = False, wanted: Callable[[Layout], list[int]] | None = None,
             choose: Choice | None = None, chunk: int = CHUNK) -> tuple[Layout, Repaired]:
        """Make the layout at ``caret`` resident, in one go."""
        sync = self.begin_sync(caret, slide=slide, wanted=wanted, choose=choose)
        while not sync.complete:
            sync.step(chunk)
        return sync.layout, sync.close()

    @property
    def _given(self) -> Given | None:
        """Rows that take no forward: chunks that were encoded before."""
        placed, store = self.placed, self.store
        if store is None or not placed.chunks or self.full_prefill:
            return None
        return giving(lambda: placed.lent(store))

    @property
    def overdue(self) -> bool:
        """Whether some row has missed so many changes that it should not wait for the keyboard to rest."""
        return overdue(self.cache)

    def refresh_oldest(self, rows: int) -> int:
        """Encode up to ``rows`` of the rows that the caret has crossed, or that have waited longest."""
        done = refresh_oldest(self.cache, rows)
        self.totals.refreshed += done
        return done

    def refresh(self, rows: int) -> int:
        """Make up to ``rows`` more rows exact; 0 when all are."""
        done = refresh(self.cache, rows)
        self.totals.refreshed += done
        return done
