"""The commands: the help page is written from the table here, so that it is quick and imports none of them.

A command's module offers ``app``, a :class:`typer.Typer`.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Command(NamedTuple):
    """A command's module, the heading that it stands under, and what it does in one sentence."""

    module: str
    heading: str
    about: str


_USER: Final = "Commands"
_LABORATORY: Final = "For work on kvlsp itself: measuring and training"
_LAB: Final = "kvlsp.laboratory.commands"

COMMANDS: Final = {
    "serve": Command("kvlsp.cli.serve", _USER, "Serve an editor: the language server."),
    "complete": Command("kvlsp.cli.complete", _USER, "Print the text to insert at a place of a file."),
    "context": Command("kvlsp.cli.context", _USER, "Show which pieces of other files fit a place of a file, and why."),
    "playground": Command("kvlsp.cli.playground", _USER, "Open a page with an editor, and see what kvlsp does."),
    "inspect": Command("kvlsp.cli.inspect", _USER, "See what the daemon of an editor does."),
    "next": Command("kvlsp.cli.next", _USER, "Show what would be proposed after a change of a file, as a diff."),
    "models": Command("kvlsp.cli.models", _USER,
                      "List models that are here or recommended, and how they fit this machine; fetch one."),
    "cache": Command("kvlsp.cli.cache", _USER, "Show or delete what is kept of documents on disk."),
    "doctor": Command("kvlsp.cli.doctor", _USER, "Check this installation, and say how to mend what is wrong."),
    "engine": Command("kvlsp.cli.engine", _USER, "Show or end the engines that the editors of this machine share."),
    "team": Command("kvlsp.cli.team", _USER, "Serve one engine to a team, and manage the tokens of its users."),
    "replay": Command(f"{_LAB}.replay", _LABORATORY,
                      "Replay recorded edits, and check the cache against a full prefill."),
    "bench": Command(f"{_LAB}.bench", _LABORATORY, "Measure speed, as ratios within one run."),
    "evaluate": Command(f"{_LAB}.evaluate", _LABORATORY, "Measure the quality of completions."),
    "corpus": Command(f"{_LAB}.corpus", _LABORATORY, "Fetch and gather what the default model is trained on."),
    "train": Command(f"{_LAB}.train", _LABORATORY, "Train the default model again, or another one like it."),
}
"""In the order of the help page."""
