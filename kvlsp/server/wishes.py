"""Where and when the user wants suggestions: the settings that say so, and a pause.

Pure rules over a snapshot. Whether a caret stands in a comment or a string is read from a bounded window above it, and
only where that matters.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import PurePath
from urllib.parse import unquote

from kvlsp.config import Settings, Trigger
from kvlsp.syntax.language import Language
from kvlsp.syntax.window import WINDOW, state_at
from kvlsp.text.document import Snapshot
from kvlsp.text.uris import path_of, path_within
from kvlsp.workspace.gitignore import MOST, Pattern, Patterns, TooMany


def wanted(settings: Settings, snapshot: Snapshot, offset: int, trigger: Trigger, folders: Iterable[str],
           notebook: str | None = None) -> bool:
    """Whether something may be offered here. ``folders``: URIs of the workspace, to which globs are relative;
    ``notebook``: that of a cell, which globs may name as well."""
    if not settings.serves(snapshot.language) or (trigger == "automatic" and not settings.automatic):
        return False
    for uri in (snapshot.uri, *([notebook] if notebook else [])):
        if settings.disabled_files and _named(settings.disabled_files, uri, folders):
            return False
    return (settings.in_comments and settings.in_strings) or _in_code(settings, snapshot, offset)


def globs_not_understood(settings: Settings) -> list[str]:
    """A sentence for each glob of ``disabledFiles`` that is left out."""
    return [f"kvlsp.disabledFiles holds a glob that cannot be understood: {glob}. Write them like lines of a "
            ".gitignore." for glob in _rules(settings.disabled_files)[1]]


def _in_code(settings: Settings, snapshot: Snapshot, offset: int) -> bool:
    """Whether the caret is outside of comments and strings, as far as nothing is wanted there."""
    before = snapshot.text.slice(offset - WINDOW, offset)
    scan = state_at(Language.of_document(snapshot.language, snapshot.uri), before)
    in_comment = scan.comment or (scan.inside is not None and scan.inside.comment)
    in_string = not in_comment and scan.inside is not None
    return (settings.in_comments or not in_comment) and (settings.in_strings or not in_string)


def _named(globs: tuple[str, ...], uri: str, folders: Iterable[str]) -> bool:
    """Whether a glob names the document: by its path in a folder of the workspace, else by its whole path."""
    path = path_within(uri) or unquote(uri.partition(":")[2])
    tops = [top for folder in folders if (top := path_of(folder)) is not None and _below(path, top)]
    names = [_below(path, top) for top in tops] or [path.replace("\\", "/").lstrip("/")]
    return any(_names(_rules(globs)[0], name) for name in names if name)


def _below(path: str, top: str) -> str:
    """The path within a folder; empty for one outside of it."""
    try:
        return PurePath(path).relative_to(top).as_posix()
    except ValueError:
        return ""


def _names(patterns: Patterns, path: str) -> bool:
    """Whether the globs name a file, or a folder that holds it."""
    parts = path.split("/")
    above = ("/".join(parts[:count]) for count in range(1, len(parts)))
    return any(patterns.verdict(_bytes(folder), is_folder=True) for folder in above) or bool(
        patterns.verdict(_bytes(path), is_folder=False))


@lru_cache(maxsize=4)
def _rules(globs: tuple[str, ...]) -> tuple[Patterns, tuple[str, ...]]:
    """The globs that can be understood, and the others."""
    good: list[Pattern] = []
    bad: list[str] = []
    for glob in globs:
        try:
            pattern = Pattern.parse(_bytes(glob))
            if pattern is not None:
                pattern.compile(strict=True)
                if len(good) == MOST:
                    raise TooMany
                good.append(pattern)
        except ValueError:
            bad.append(glob)
    return Patterns(good), tuple(bad)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
