"""Which function answers which method. Each is short, and stands in the module of its kind.

Handlers run in the order of the messages and never wait. ``ls`` is the server; what cannot be answered at
once is an :class:`~kvlsp.server.answers.Answer` that an event of the engine settles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from lsprotocol import types

from kvlsp.server import commands, completions, folders, lifecycle, synchronisation

if TYPE_CHECKING:
    from kvlsp.server.server import KvlspServer

HANDLERS: Final[Mapping[str, Callable[..., Any]]] = {
    types.INITIALIZE: lifecycle.initialize,
    types.INITIALIZED: lifecycle.initialized,
    types.SHUTDOWN: lifecycle.shutdown,
    types.SET_TRACE: lifecycle.set_trace,
    types.WORKSPACE_DID_CHANGE_CONFIGURATION: lifecycle.did_change_configuration,
    types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: folders.did_change_workspace_folders,
    types.WORKSPACE_DID_CHANGE_WATCHED_FILES: folders.did_change_watched_files,
    types.WINDOW_WORK_DONE_PROGRESS_CANCEL: lifecycle.ignore,
    types.TEXT_DOCUMENT_DID_OPEN: synchronisation.did_open,
    types.TEXT_DOCUMENT_DID_CHANGE: synchronisation.did_change,
    types.TEXT_DOCUMENT_DID_CLOSE: synchronisation.did_close,
    types.TEXT_DOCUMENT_DID_SAVE: synchronisation.did_save,
    types.NOTEBOOK_DOCUMENT_DID_OPEN: synchronisation.did_open_notebook,
    types.NOTEBOOK_DOCUMENT_DID_CHANGE: synchronisation.did_change_notebook,
    types.NOTEBOOK_DOCUMENT_DID_CLOSE: synchronisation.did_close_notebook,
    types.NOTEBOOK_DOCUMENT_DID_SAVE: lifecycle.ignore,
    types.TEXT_DOCUMENT_INLINE_COMPLETION: completions.inline_completion,
    types.TEXT_DOCUMENT_COMPLETION: completions.completion,
    types.WORKSPACE_EXECUTE_COMMAND: commands.execute_command,
    "kvlsp/documentState": commands.document_state,
    "kvlsp/statistics": commands.statistics,
    "textDocument/didShowCompletion": commands.did_show_completion,
    "textDocument/didPartiallyAcceptCompletion": commands.did_partially_accept_completion,
}


WHEN_UNFIT: Final[Mapping[str, Callable[[KvlspServer, Any, str], None]]] = {
    types.TEXT_DOCUMENT_DID_OPEN: synchronisation.did_not_fit,
    types.TEXT_DOCUMENT_DID_CHANGE: synchronisation.did_not_fit,
    types.NOTEBOOK_DOCUMENT_DID_OPEN: synchronisation.did_not_fit,
    types.NOTEBOOK_DOCUMENT_DID_CHANGE: synchronisation.did_not_fit,
}
"""Notifications that leave something to clean up when their parameters do not fit."""


def register(ls: KvlspServer) -> None:
    """Enter them all into the server's registry."""
    for method, handler in HANDLERS.items():
        ls.feature(method)(handler)
    for method, clean_up in WHEN_UNFIT.items():
        ls.protocol.when_unfit[method] = partial(clean_up, ls)
