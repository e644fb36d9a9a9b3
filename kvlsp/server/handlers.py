"""Which function answers which method. Each is short, and stands in the module of its kind.

Handlers run in the order of the messages and never wait. ``ls`` is the server; what cannot be answered at
once is an :class:`~kvlsp.server.answers.Answer` that an event of the engine settles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from kvlsp.server import commands, completions, folders, lifecycle, next_edits, synchronisation, watching

if TYPE_CHECKING:
    from kvlsp.server.server import KvlspServer

HANDLERS: Final[Mapping[str, Callable[..., Any]]] = {
    "initialize": lifecycle.initialize,
    "initialized": lifecycle.initialized,
    "shutdown": lifecycle.shutdown,
    "$/setTrace": lifecycle.set_trace,
    "workspace/didChangeConfiguration": lifecycle.did_change_configuration,
    "workspace/didChangeWorkspaceFolders": folders.did_change_workspace_folders,
    "workspace/didChangeWatchedFiles": folders.did_change_watched_files,
    "window/workDoneProgress/cancel": lifecycle.ignore,
    "textDocument/didOpen": synchronisation.did_open,
    "textDocument/didChange": synchronisation.did_change,
    "textDocument/didClose": synchronisation.did_close,
    "textDocument/didSave": synchronisation.did_save,
    "notebookDocument/didOpen": synchronisation.did_open_notebook,
    "notebookDocument/didChange": synchronisation.did_change_notebook,
    "notebookDocument/didClose": synchronisation.did_close_notebook,
    "notebookDocument/didSave": lifecycle.ignore,
    "textDocument/inlineCompletion": completions.inline_completion,
    "textDocument/completion": completions.completion,
    "textDocument/copilotInlineEdit": next_edits.inline_edit,
    "textDocument/didShowInlineEdit": next_edits.did_show_inline_edit,
    "workspace/executeCommand": commands.execute_command,
    "kvlsp/documentState": commands.document_state,
    "kvlsp/statistics": commands.statistics,
    "kvlsp/watch": watching.watch,
    "kvlsp/tokens": watching.tokens,
    "textDocument/didShowCompletion": commands.did_show_completion,
    "textDocument/didPartiallyAcceptCompletion": commands.did_partially_accept_completion,
}


WHEN_UNFIT: Final[Mapping[str, Callable[[KvlspServer, Any, str], None]]] = {
    "textDocument/didOpen": synchronisation.did_not_fit,
    "textDocument/didChange": synchronisation.did_not_fit,
    "notebookDocument/didOpen": synchronisation.did_not_fit,
    "notebookDocument/didChange": synchronisation.did_not_fit,
}
"""Notifications that leave something to clean up when their parameters do not fit."""


def register(ls: KvlspServer) -> None:
    """Enter them all into the server's registry."""
    for method, handler in HANDLERS.items():
        ls.protocol.handlers[method] = partial(handler, ls)
    for method, clean_up in WHEN_UNFIT.items():
        ls.protocol.when_unfit[method] = partial(clean_up, ls)
