"""Why a file or folder of the workspace is not read. Each refusal has a name that a report can count."""

from __future__ import annotations

import enum


class Refusal(str, enum.Enum):
    """Reasons, in the order in which they are looked for: those that need no look at the disk come first."""

    ODD_NAME = "a name that is not Unicode"
    TOOL_FOLDER = "a folder of a tool"
    SECRET = "may hold secrets"
    NOT_SOURCE = "no language that kvlsp knows"
    GENERATED = "generated or minified"
    LINK = "a link"
    NOT_A_FILE = "no plain file"
    TOO_LARGE = "larger than 1 MB"
    EXCLUDED = "excluded by kvlsp.exclude"
    IGNORED = "ignored by .gitignore"
    GONE = "not there"
    CLOSED = "not readable"
    COSTLY = "too costly to parse"
    BINARY = "binary, or not UTF-8"
    OUTSIDE = "outside of the workspace"

    def __str__(self) -> str:
        return self.value
