"""A completion as entries of an editor's ordinary suggest list: for clients without ghost text, or beside it.

Pure functions of a snapshot and of what the client can show.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kvlsp.messages import Item
from kvlsp.server import lsp
from kvlsp.server.convert import accepted_command, range_of
from kvlsp.text.document import Snapshot
from kvlsp.text.position import PositionEncoding

_LINE_END = re.compile(r"\r\n|\r|\n")
_BREAK_FIRST = re.compile(r"[ \t]*(?:[\r\n]|\Z)")
_WORD_BEFORE = re.compile(r"\w*\Z")
_TICKS = re.compile("`{3,}")

_LONGEST_WORD = 200
"""Characters looked at before the caret for the word that the entry replaces."""


@dataclass(frozen=True, slots=True)
class ListFeatures:
    """What the client can show of an entry."""

    label_details: bool = False
    markdown: bool = False

    @classmethod
    def read(cls, item: object) -> ListFeatures:
        """From ``textDocument.completion.completionItem`` of the client's capabilities, whatever its shape."""
        given: Mapping[str, Any] = item if isinstance(item, Mapping) else {}
        formats = given.get("documentationFormat")
        return cls(given.get("labelDetailsSupport") is True, isinstance(formats, list) and "markdown" in formats)


PLAIN: Final = ListFeatures()


def entry(snapshot: Snapshot, offset: int, item: Item, number: int, features: ListFeatures,
          encoding: PositionEncoding) -> lsp.CompletionItem | None:
    """One entry; None where such a list cannot show it.

    The protocol wants a range on the caret's line. Editors filter by the word before the caret, so the entry replaces
    that word as well. What begins with a line break has no label that would show it, and many editors take Enter, which
    was meant for the text, as its acceptance.
    """
    text = snapshot.text
    line = text.line_of(offset)
    if item.start > offset or text.line_of(item.start) != line or text.line_of(item.end) != line:
        return None
    if _BREAK_FIRST.match(item.text[offset - item.start:]):
        return None
    word = _WORD_BEFORE.search(text.slice(max(text.line_start(line), item.start - _LONGEST_WORD), item.start))
    start = item.start - (len(word.group()) if word else 0)
    new_text = text.slice(start, item.start) + item.text
    label, *more = _LINE_END.split(new_text.strip())
    details = lsp.CompletionItemLabelDetails(description="kvlsp") if features.label_details else None
    return lsp.CompletionItem(
        label=label + (" …" if more else ""),
        label_details=details,
        kind=lsp.CompletionItem.TEXT,
        detail=None if details else "kvlsp",
        documentation=_documentation(new_text, snapshot.language, features) if more else None,
        sort_text=f"\0{number:09}",
        filter_text=new_text,
        insert_text_format=lsp.CompletionItem.PLAIN_TEXT,
        text_edit=lsp.TextEdit(range_of(text, start, item.end, encoding), new_text),
        command=accepted_command(snapshot.uri, number),
    )


def _documentation(text: str, language: str, features: ListFeatures) -> lsp.MarkupContent | str:
    """The text itself, where the label shows a part of it only."""
    if not features.markdown:
        return text
    fence = max(["```", *(ticks + "`" for ticks in _TICKS.findall(text))], key=len)
    return lsp.MarkupContent("markdown", f"{fence}{language}\n{text}\n{fence}")
