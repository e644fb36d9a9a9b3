"""Documents follow the editor: opened, changed, closed, also as the cells of a notebook.

Each change becomes one message to the engine at once; nothing here waits or looks at a model (invariant 9).
Handlers: see ``handlers``.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kvlsp.errors import KvlspError, UnknownDocument
from kvlsp.messages import CloseDocument, EditDocument
from kvlsp.server import convert, lsp

if TYPE_CHECKING:
    from kvlsp.server.server import KvlspServer

log = logging.getLogger(__name__)


def did_open(ls: KvlspServer, params: lsp.DidOpenTextDocumentParams) -> None:
    open_document(ls, params.text_document)
    ls.notebooks.document_opened(params.text_document.uri)


def did_change(ls: KvlspServer, params: lsp.DidChangeTextDocumentParams) -> None:
    change_document(ls, params.text_document, params.content_changes)


def did_save(ls: KvlspServer, params: lsp.DidSaveTextDocumentParams) -> None:
    """Where the text comes along (``features``), it counts: changes that did not add up to it end here."""
    uri = ls.documents.spelled(params.text_document.uri)
    opened = None if params.text is None else ls.documents.saved(uri, params.text)
    if opened is not None:
        log.info("A saved text is not what the changes before it had led to; the saved one is taken.")
        ls.post(opened)


def did_not_fit(ls: KvlspServer, params: Any, why: str) -> None:
    """A message that opens or changes texts was refused, for the reason that the sentence ``why`` gives.

    The editor goes on from texts that we do not have, so those that the message names are given up. That is said once
    for each; what is refused after that changes nothing.
    """
    named = [(ls.documents.spelled(uri), language) for uri, language in convert.texts_named(params)]
    lost = [uri for uri, language in named if ls.documents.give_up(uri, language)]
    if lost:
        texts_lost(ls, lost, why)
    elif any(uri in ls.documents.lost for uri, _ in named):
        log.info("%s", why)
    else:
        ls.protocol.complain(why)


def did_close(ls: KvlspServer, params: lsp.DidCloseTextDocumentParams) -> None:
    uri = ls.documents.spelled(params.text_document.uri)
    ls.notebooks.document_closed(uri)
    close_document(ls, uri)


def did_open_notebook(ls: KvlspServer, params: lsp.DidOpenNotebookDocumentParams) -> None:
    notebook = params.notebook_document
    for cell in params.cell_text_documents:
        ls.cross_file.belongs(cell.uri, notebook.uri)
        open_document(ls, cell)
    ls.notebooks.opened(notebook.uri, [cell.document for cell in notebook.cells or ()])


def did_change_notebook(ls: KvlspServer, params: lsp.DidChangeNotebookDocumentParams) -> None:
    cells = params.change.cells
    if cells is None:
        return
    for opened in (cells.structure.did_open or ()) if cells.structure else ():
        ls.cross_file.belongs(opened.uri, params.notebook_document.uri)
        open_document(ls, opened)
    array = cells.structure.array if cells.structure else None
    if array is not None:
        ls.notebooks.changed(params.notebook_document.uri, array.start, array.delete_count,
                             [cell.document for cell in array.cells or ()])
    failures: list[Exception] = []
    for content in cells.text_content or ():
        try:
            change_document(ls, content.document, content.changes)
        except Exception as error:  # the changes of the other cells were made all the same
            failures.append(error)
    for closed in (cells.structure.did_close or ()) if cells.structure else ():
        close_document(ls, closed.uri)
    if failures:
        raise failures[0]


def did_close_notebook(ls: KvlspServer, params: lsp.DidCloseNotebookDocumentParams) -> None:
    ls.notebooks.closed(params.notebook_document.uri)
    for cell in params.cell_text_documents:
        close_document(ls, cell.uri)


def open_document(ls: KvlspServer, document: lsp.TextDocumentItem) -> None:
    ls.post(ls.documents.open(document.uri, document.language_id or "", document.version, document.text))
    ls.status.texts_lost(ls.documents.lost)


def change_document(ls: KvlspServer, document: lsp.VersionedTextDocumentIdentifier, changes: Any) -> None:
    uri = ls.documents.spelled(document.uri)
    try:
        message = ls.documents.change(uri, document.version, convert.changes_of(changes),
                                      ls.client.encoding)
    except UnknownDocument:
        raise
    except KvlspError as error:
        texts_lost(ls, [uri], str(error))
        return
    except Exception as error:
        texts_lost(ls, [uri], f"A change of {uri} failed inside kvlsp ({type(error).__name__}).")
        raise
    if message is not None:
        if isinstance(message, EditDocument):
            ls.keys.note(message, ls.loop.time())
        ls.post(message)
        visit(ls, uri)
    ls.status.texts_lost(ls.documents.lost)


def visit(ls: KvlspServer, uri: str) -> None:
    """Somebody works in this document: as a cell of a notebook it is shown the others when they come to it."""
    context = ls.notebooks.visited(uri, ls.documents.snapshot, ls.settings.cross_file_tokens)
    if context is not None:
        ls.post(context)


def close_document(ls: KvlspServer, uri: str) -> None:
    if ls.documents.close(uri):
        drop_document(ls, uri)
        ls.status.texts_lost(ls.documents.lost)
    else:
        ls.protocol.complain(f"{uri} was closed, but it was not open.")


def texts_lost(ls: KvlspServer, uris: Sequence[str], why: str) -> None:
    """These texts are not known any more: the user is told, and nothing is worked out for them."""
    for uri in uris:
        drop_document(ls, uri)
    message = (f"{why} kvlsp has lost the text of {', '.join(uris)}; there are no completions in it until it is opened "
               "again or sent as a whole.")
    log.warning("%s", message)
    ls.show(lsp.MessageType.WARNING, message)
    ls.status.texts_lost(ls.documents.lost)


def drop_document(ls: KvlspServer, uri: str) -> None:
    """Nothing is worked out for this document any more."""
    ls.tickets.document_closed(uri)
    ls.work.end(uri)
    ls.keys.forget(uri)
    ls.post(CloseDocument(uri))
