"""``kvlsp evaluate next-edit``: does it find the place that an edit made wrong, and the text that belongs there?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kvlsp.cli.options import JsonOption, with_model_options
from kvlsp.cli.progress import bar, opened
from kvlsp.config import Settings
from kvlsp.laboratory.commands.held_out import FromOption, held_out
from kvlsp.laboratory.commands.tables import answer, table

if TYPE_CHECKING:
    from kvlsp.laboratory.evaluation.edits_versions import Revision
    from kvlsp.laboratory.evaluation.next_edit_hunks import Asked, Shown
    from kvlsp.opening.model import Model


@with_model_options(dtype="float32")
def next_edit(
    settings: Settings,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer places; under 3 minutes.")] = False,
    versions: Annotated[
        str, typer.Option(help="Folder with wheels of the packages; 'fetch' lets pip download them.")
    ] = "",
    renames: Annotated[int, typer.Option(help="Names that are changed; -1: the usual number.")] = -1,
    hunks: Annotated[int, typer.Option(help="Hunks after which is asked; -1: the usual number.")] = -1,
    from_: FromOption = None,
    seed: Annotated[int, typer.Option("--seed", help="Which places are drawn.")] = 0,
    json: JsonOption = False,
) -> None:
    """Measure next edits: names changed where they are defined, and real changes replayed hunk by hunk."""
    from platformdirs import user_cache_path

    from kvlsp.laboratory.evaluation import next_edit as measuring
    from kvlsp.laboratory.evaluation.edits_versions import fetch, released, sampled
    from kvlsp.laboratory.evaluation.next_edit_renames import renames as places_of

    loaded = opened(settings)
    wanted = renames if renames >= 0 else 300 if quick else 800
    figures: dict[str, Any] = {"model": loaded.description}
    if wanted:
        cases = places_of([(file.path, file.text) for file in held_out(from_)], measuring.BELOW, seed)[:wanted]
        with bar("renames", len(cases)) as advance:
            figures["renames"] = measuring.renames(loaded, cases, settings, advance)
    wanted = hunks if hunks >= 0 else 60 if quick else 1 << 20
    if wanted:
        folder = fetch(user_cache_path("kvlsp") / "versions") if versions == "fetch" else Path(versions)
        revisions = released(folder) if versions else sampled()
        with bar("hunks", wanted if quick else 300) as advance:
            figures["hunks"] = measuring.hunks(_some(loaded, revisions, settings, wanted, seed), advance)
    answer(json, figures, lambda: _show(figures))


def _some(model: Model, revisions: list[Revision], settings: Settings, wanted: int,
          seed: int) -> Iterator[tuple[Asked, Shown]]:
    """``wanted`` questions, from as many files as there are."""
    from itertools import islice
    from random import Random

    from kvlsp.laboratory.evaluation.next_edit_hunks import excerpts, replay

    pieces = list(excerpts(revisions))
    Random(seed).shuffle(pieces)
    each = max(1, -(-wanted // max(1, len(pieces))))
    found = (asked for piece in pieces for asked in islice(replay(model, piece, settings), each))
    return islice(found, wanted)


def _show(figures: Mapping[str, Any]) -> None:
    for kind, ways in figures.get("renames", {}).items():
        table([_row(way, one) for way, one in ways.items()], f"A name changed where it is defined: {kind}")
    if "hunks" in figures:
        table([_row(way, one) for way, one in figures["hunks"].items()], "The next hunk of a real change")


def _row(way: str, one: Mapping[str, Any]) -> dict[str, str]:
    def said(share: Mapping[str, Any]) -> str:
        if share["percent"] is None:
            return "-"
        return f"{share['percent']:.1f} ({share['low']:.0f} to {share['high']:.0f}; {share['of']})"

    return {"": way, "next one first, %": said(one["recall_at_1"]), "among 3, %": said(one["recall_at_3"]),
            "shown and right, %": said(one["precision"]), "text right, %": said(one["exact_text"])}
