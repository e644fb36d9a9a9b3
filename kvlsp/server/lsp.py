"""The part of the Language Server Protocol that is spoken here, as types: what is read of a message, what is written.

Names are the protocol's, in Python's spelling; on the wire they are camelCase. What a client sends beside these fields
is not looked at. ``tests/server/test_lsp.py`` compares every field with the whole protocol, whose types take longer to
import, and more memory, than all else that starts here.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any, ClassVar, Final, Literal

from msgspec import Meta, Struct

LARGEST: Final = 2**31 - 1

LARGEST_EXACT: Final = 2**53 - 1
"""Beyond it a double has no place for every integer, and most encoders no other kind of number."""

Version = Annotated[int, Meta(ge=-LARGEST_EXACT, le=LARGEST_EXACT)]
"""Some count milliseconds."""

Place = Annotated[int, Meta(ge=0, le=LARGEST_EXACT)]
"""For the end of a line, a document or a notebook many send the largest number of their language: it is cut to this."""


class _Value(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What is None is left out."""


# --- both ways -------------------------------------------------------------------------------------------


class Position(_Value, frozen=True):
    line: Place
    character: Place


class Range(_Value, frozen=True):
    start: Position
    end: Position


# --- read ------------------------------------------------------------------------------------------------


class TextDocumentItem(_Value, frozen=True):
    uri: str
    text: str
    language_id: str | None = None
    version: Version | None = None


class TextDocumentIdentifier(_Value, frozen=True):
    uri: str


class VersionedTextDocumentIdentifier(_Value, frozen=True):
    """Clients of older protocols leave out the version, or send null."""

    uri: str
    version: Version | None = None


class TextDocumentContentChangeEvent(_Value, frozen=True):
    """The text of a range, or the whole of it: some send that with ``range: null``."""

    text: str
    range: Range | None = None


class DidOpenTextDocumentParams(_Value, frozen=True):
    text_document: TextDocumentItem


class DidChangeTextDocumentParams(_Value, frozen=True):
    text_document: VersionedTextDocumentIdentifier
    content_changes: list[TextDocumentContentChangeEvent]


class DidCloseTextDocumentParams(_Value, frozen=True):
    text_document: TextDocumentIdentifier


class DidSaveTextDocumentParams(_Value, frozen=True):
    text_document: TextDocumentIdentifier
    text: str | None = None


class NotebookCell(_Value, frozen=True):
    document: str


class NotebookDocument(_Value, frozen=True):
    uri: str
    cells: list[NotebookCell] | None = None


class NotebookDocumentIdentifier(_Value, frozen=True):
    uri: str


class NotebookCellArrayChange(_Value, frozen=True):
    start: Place
    delete_count: Place
    cells: list[NotebookCell] | None = None


class NotebookDocumentCellChangeStructure(_Value, frozen=True):
    array: NotebookCellArrayChange | None = None
    did_open: list[TextDocumentItem] | None = None
    did_close: list[TextDocumentIdentifier] | None = None


class NotebookDocumentCellContentChanges(_Value, frozen=True):
    document: VersionedTextDocumentIdentifier
    changes: list[TextDocumentContentChangeEvent]


class NotebookDocumentCellChanges(_Value, frozen=True):
    structure: NotebookDocumentCellChangeStructure | None = None
    text_content: list[NotebookDocumentCellContentChanges] | None = None


class NotebookDocumentChangeEvent(_Value, frozen=True):
    cells: NotebookDocumentCellChanges | None = None


class DidOpenNotebookDocumentParams(_Value, frozen=True):
    notebook_document: NotebookDocument
    cell_text_documents: list[TextDocumentItem]


class DidChangeNotebookDocumentParams(_Value, frozen=True):
    notebook_document: NotebookDocumentIdentifier
    change: NotebookDocumentChangeEvent


class DidCloseNotebookDocumentParams(_Value, frozen=True):
    notebook_document: NotebookDocumentIdentifier
    cell_text_documents: list[TextDocumentIdentifier]


class SelectedCompletionInfo(_Value, frozen=True):
    range: Range
    text: str


class InlineCompletionContext(_Value, frozen=True):
    BY_HAND: ClassVar = 1
    """Some clients count from 0, as drafts of the protocol did."""

    trigger_kind: Place | None = None
    """A later protocol may have more kinds: whatever is not by hand came by itself."""

    selected_completion_info: SelectedCompletionInfo | None = None


class InlineCompletionParams(_Value, frozen=True):
    """Who says nothing of the context asks by hand, as for a list."""

    text_document: TextDocumentIdentifier
    position: Position
    context: InlineCompletionContext | None = None


class CompletionContext(_Value, frozen=True):
    BY_HAND: ClassVar = 1
    """The same; an editor sends this also while a word is typed."""

    trigger_kind: Place | None = None


class CompletionParams(_Value, frozen=True):
    text_document: TextDocumentIdentifier
    position: Position
    context: CompletionContext | None = None


class ExecuteCommandParams(_Value, frozen=True):
    command: str
    arguments: list[Any] | None = None


class SetTraceParams(_Value, frozen=True):
    value: Literal["off", "messages", "compact", "verbose"]


class DidChangeConfigurationParams(_Value, frozen=True):
    settings: Any = None


class WorkspaceFolder(_Value, frozen=True):
    uri: str


class WorkspaceFoldersChangeEvent(_Value, frozen=True):
    added: list[WorkspaceFolder] | None = None
    removed: list[WorkspaceFolder] | None = None


class DidChangeWorkspaceFoldersParams(_Value, frozen=True):
    event: WorkspaceFoldersChangeEvent


class FileEvent(_Value, frozen=True):
    uri: str


class DidChangeWatchedFilesParams(_Value, frozen=True):
    changes: list[FileEvent]


PARAMS: Final[dict[str, type[Struct]]] = {
    "textDocument/didOpen": DidOpenTextDocumentParams,
    "textDocument/didChange": DidChangeTextDocumentParams,
    "textDocument/didClose": DidCloseTextDocumentParams,
    "textDocument/didSave": DidSaveTextDocumentParams,
    "notebookDocument/didOpen": DidOpenNotebookDocumentParams,
    "notebookDocument/didChange": DidChangeNotebookDocumentParams,
    "notebookDocument/didClose": DidCloseNotebookDocumentParams,
    "textDocument/inlineCompletion": InlineCompletionParams,
    "textDocument/completion": CompletionParams,
    "workspace/executeCommand": ExecuteCommandParams,
    "workspace/didChangeConfiguration": DidChangeConfigurationParams,
    "workspace/didChangeWorkspaceFolders": DidChangeWorkspaceFoldersParams,
    "workspace/didChangeWatchedFiles": DidChangeWatchedFilesParams,
    "$/setTrace": SetTraceParams,
}
"""Of the client's messages. Handlers of methods that are not here read the parameters themselves."""

# --- written ---------------------------------------------------------------------------------------------


class Command(_Value, frozen=True):
    title: str
    command: str
    arguments: list[Any] | None = None


class InlineCompletionItem(_Value, frozen=True):
    insert_text: str
    range: Range
    command: Command


class TextEdit(_Value, frozen=True):
    range: Range
    new_text: str


class MarkupContent(_Value, frozen=True):
    kind: Literal["markdown"]
    value: str


class CompletionItemLabelDetails(_Value, frozen=True):
    description: str


class CompletionItem(_Value, frozen=True, kw_only=True):
    TEXT: ClassVar = 1
    PLAIN_TEXT: ClassVar = 1

    label: str
    label_details: CompletionItemLabelDetails | None = None
    kind: int
    detail: str | None = None
    documentation: MarkupContent | str | None = None
    sort_text: str
    filter_text: str
    insert_text_format: int
    text_edit: TextEdit
    command: Command


class CompletionList(_Value, frozen=True):
    is_incomplete: bool
    items: list[CompletionItem]


class MessageType(IntEnum):
    ERROR = 1
    WARNING = 2


class ShowMessageParams(_Value, frozen=True):
    """Also those of a message for the client's log."""

    type: MessageType
    message: str


class WorkDoneProgressBegin(_Value, frozen=True, tag_field="kind", tag="begin"):
    title: str
    percentage: int
    cancellable: bool
    message: str | None = None


class WorkDoneProgressReport(_Value, frozen=True, tag_field="kind", tag="report"):
    message: str | None = None
    percentage: int | None = None


class WorkDoneProgressEnd(_Value, frozen=True, tag_field="kind", tag="end"):
    pass
