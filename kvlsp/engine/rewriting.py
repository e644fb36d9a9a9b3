"""Some lines of a text, written anew by a model that was made for it, in its own format: stepped a forward at a time.

The prompt is made resident in a cache of its own, which goes with the job; the old lines are the first draft, so what
does not change costs about a forward for :data:`kvlsp.engine.generate.DRAFTED` tokens of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from kvlsp.completion.copy_drafter import CopyDrafter
from kvlsp.completion.draft_length import Adaptation
from kvlsp.completion.drafts import Drafting
from kvlsp.completion.stop import Stop, StopReason
from kvlsp.engine.generate import Generation, Limits, step
from kvlsp.engine.session import Session
from kvlsp.model.rows import Branch
from kvlsp.nextedit.change import Change
from kvlsp.nextedit.rewrite import Rewritten, asked, proposed, region
from kvlsp.opening.model import Model
from kvlsp.prompt.edit_formats import EditFormat, ids, prompt
from kvlsp.prompt.template import Template
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope

MORE: Final = 128
"""Tokens that the answer may be longer than what stands there."""
MOST: Final = 3072
"""Tokens of a prompt; longer ones (lines of a thousand characters) are not asked."""


class Rewriting:
    """What ``form``'s model makes of the lines around ``line`` after ``changes``; :meth:`step` until :attr:`done`."""

    def __init__(self, model: Model, form: EditFormat, snapshot: Snapshot, changes: Sequence[Change],
                 line: int) -> None:
        text = str(snapshot.text)
        lines = text.split("\n")
        first, last = region(form, lines, line)
        self.first = first
        """The line with which :attr:`found` begins to count."""
        self.old = lines[first:last]
        self.start = sum(len(one) + 1 for one in lines[:first])
        """The character with which these lines begin."""
        self.found: Rewritten | None = None
        self.done = False
        self._form, self._answer = form, ""
        what = asked(form, snapshot.uri.rpartition("/")[2], text, changes, line)
        tokens = ids(prompt(form, what), model.tokenizer, model.template.begin)
        again = model.tokenizer.encode("\n".join(self.old) + "\n", initial=False).ids
        limit = len(again) + MORE
        if len(tokens) > MOST or len(tokens) + limit > model.decoder.context_length:
            self.done = True
            return
        template = Template(form.name, "plain", begin=tokens, end=model.template.end, heals=False)
        asking = replace(model, template=template)
        empty = Snapshot(snapshot.uri, 0, Rope.of(""), snapshot.language)
        self._session = Session(asking, empty, context=len(tokens) + limit, generation_rows=limit)
        self._sync = self._session.begin_sync(0, wanted=lambda layout: [len(layout) - 1])
        self._generation: Generation | None = None
        self._limit, self._prompt = limit, tokens
        self._drafter = Drafting(CopyDrafter(again), (), again[:0], Adaptation())

    def step(self, rows: int) -> int:
        """One forward of up to ``rows`` rows; how many."""
        if self._generation is None:
            done = self._sync.step(rows)
            if self._sync.complete:
                self._begin()
            return done
        drafted = self._generation.progress.drafted
        step([self._generation])
        if self._generation.done:
            self.close()
        return 1 + self._generation.progress.drafted - drafted

    def close(self) -> None:
        """End; what the answer says by now is :attr:`found`."""
        if self.done:
            return
        self.done = True
        if self._generation is not None:
            ended = self._generation.progress.stop == "end"
            self.found = proposed(self._form, self.old, self._answer, ended=ended)
            self._generation.close(keep=False)

    def _begin(self) -> None:
        repaired = self._sync.close()
        assert repaired.logits is not None
        self._generation = Generation(
            self._session.cache, self._session.model.tokenizer, branch=Branch(1, None), logits=repaired.logits[0],
            position=len(self._prompt), ends=self._session.model.template.end,
            limits=Limits(tokens=self._limit, context=self._session.context), context=list(self._prompt),
            stop=self._stop, drafter=self._drafter)

    def _stop(self, piece: str) -> Stop | None:
        """At the end of the answer, or where it is the old text again."""
        self._answer += piece
        if (self._form.end and self._form.end in self._answer) or (
                "\n" in piece and proposed(self._form, self.old, self._answer, ended=False) is not None):
            return Stop(StopReason.SUFFIX, len(self._answer))
        return None
