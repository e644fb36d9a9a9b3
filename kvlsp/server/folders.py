"""The workspace as the editor has it: its folders, what changes in them, and how far they are indexed.

Handlers: see ``handlers``. What is done with the folders stands in ``crossfile``; nothing here looks at a disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from kvlsp.server import lsp
from kvlsp.text.uris import path_of
from kvlsp.workspace.messages import Condition

if TYPE_CHECKING:
    from kvlsp.server.server import KvlspServer

INDEXING: Final = "indexing"


def folders_of(params: Mapping[str, Any]) -> list[str]:
    """The URIs of the folders at ``initialize``: ``workspaceFolders``, else ``rootUri``, whatever their shape.

    Without any, an editor that has a root may send it beside an empty list (Kate does). Older clients send a path,
    ``rootPath``, and nothing else.
    """
    given = params.get("workspaceFolders")
    if isinstance(given, list) and given:
        uris = [folder.get("uri") for folder in given if isinstance(folder, Mapping)]
    else:
        uris = [params.get("rootUri") or _uri(params.get("rootPath"))]
    return _distinct([uri for uri in uris if isinstance(uri, str)])


def _uri(path: object) -> str | None:
    try:
        return PurePath(path).as_uri() if isinstance(path, str) else None
    except ValueError:  # it is not absolute, or holds half a character, which no path does
        return None


def did_change_workspace_folders(ls: KvlspServer, params: lsp.DidChangeWorkspaceFoldersParams) -> None:
    gone = {_place(folder.uri) for folder in params.event.removed or ()}
    kept = [uri for uri in ls.folders if _place(uri) not in gone]
    set_folders(ls, _distinct([*kept, *(folder.uri for folder in params.event.added or ())]))


def did_change_watched_files(ls: KvlspServer, params: lsp.DidChangeWatchedFilesParams) -> None:
    ls.cross_file.changed([path for event in params.changes if (path := path_of(event.uri)) is not None])


def _distinct(uris: list[str]) -> list[str]:
    """Each folder once, in order."""
    return list({_place(uri): uri for uri in reversed(uris)}.values())[::-1]


def _place(uri: str) -> str:
    """The same for all spellings of a folder: a slash at its end, escapes, ``file:/path``, a host that is this one."""
    return path_of(uri) or uri


def set_folders(ls: KvlspServer, uris: list[str]) -> None:
    """These are the folders from now on."""
    ls.folders = uris
    paths = [path for uri in uris if (path := path_of(uri)) is not None]
    ls.cross_file.folders(paths, ls.settings, ls.documents.snapshots())


def workspace_stands(ls: KvlspServer, condition: Condition) -> None:
    """Progress for the editor; each problem once for its log, and in the status as long as it lasts."""
    for problem in condition.problems:
        if problem not in ls.indexed.problems:
            ls.protocol.complain(problem)
    ls.indexed = condition
    ls.status.workspace(condition.problems)
    if not condition.indexing:
        ls.work.end(INDEXING)
    elif condition.total is None:
        ls.work.report(INDEXING, "kvlsp: reading the workspace", "looking for changed files", None)
    else:
        ls.work.report(INDEXING, "kvlsp: reading the workspace", f"{condition.done} of {condition.total} files",
                       100 * condition.done / max(condition.total, 1))


def as_json(ls: KvlspServer) -> dict[str, Any]:
    """For the statistics."""
    condition = ls.indexed
    return {"folders": condition.roots, "files": condition.files, "definitions": condition.definitions,
            "indexing": condition.indexing, "done": condition.done, "total": condition.total,
            "problems": list(condition.problems), "failures": ls.cross_file.failures}
