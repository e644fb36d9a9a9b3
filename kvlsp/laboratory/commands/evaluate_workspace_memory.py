"""``kvlsp evaluate workspace-memory``: what counts over the other files of a package would add to a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kvlsp.cli.options import JsonOption, with_model_options
from kvlsp.cli.progress import bar, opened
from kvlsp.config import Settings
from kvlsp.laboratory.commands.held_out import Drawn, with_drawn_places
from kvlsp.laboratory.commands.tables import answer, table

if TYPE_CHECKING:
    from kvlsp.laboratory.evaluation.workspace_memory import Line


@with_model_options()
@with_drawn_places(300)
def workspace_memory(
    settings: Settings,
    drawn: Drawn,
    tokens: Annotated[int, typer.Option(help="Tokens of plain text scored in each package.", min=256)] = 6144,
    context: Annotated[int, typer.Option(help="Tokens of a piece of them; its second half counts.", min=64)] = 1024,
    learn: Annotated[Path | None, typer.Option(help="Learn weights on all packages, write them here beside those of "
                                                    "other languages, no more; those of the default model: "
                                                    "default_model/workspace_memory.json")] = None,
    json: JsonOption = False,
) -> None:
    """First lines and tokens right with and without an n-gram store of the package's other files; --count is for each.

    The weights of a package are learned on the tokens of the others; a package alone has those of the model.
    """
    from kvlsp.default_model import remembers
    from kvlsp.laboratory.evaluation import workspace_memory as measuring
    from kvlsp.laboratory.evaluation.confidence import surest
    from kvlsp.laboratory.evaluation.confidence import table as thresholds

    loaded = opened(settings)
    workspaces = measuring.by_package(drawn.workspace())
    packages = measuring.by_package(drawn.files(), workspaces)
    stores = {name: measuring.Stores(loaded, workspaces[name]) for name in packages}
    with bar("tokens", len(packages) * max(1, tokens // (context // 2))) as advance:
        scored = {name: measuring.scored(loaded, stores[name], files, tokens, context, advance)
                  for name, files in packages.items()}
    if learn is not None:
        weights = measuring.learn([one for found in scored.values() for one in found])
        remembers.learn(learn, loaded.identity, {drawn.language: weights})
        return
    rows: list[dict[str, Any]] = []
    lines: list[Line] = []
    with bar("first lines", len(packages) * drawn.count) as advance:
        for name, files in packages.items():
            elsewhere = measuring.learned_elsewhere(loaded, scored, name, drawn.language)
            here = measuring.first_lines(loaded, stores[name], files, drawn.count, settings, elsewhere, seed=drawn.seed,
                                         advance=advance)
            lines += here
            rows.append({"package": name, **measuring.of_text(scored[name], elsewhere), **measuring.gain(here),
                         **measuring.cost(loaded, stores[name], files, elsewhere)})
    figures = {"packages": rows, "all": measuring.gain(lines), "model": loaded.description,
               "thresholds": thresholds([line.alone for line in lines]),
               "thresholds_mixed": thresholds([line.mixed for line in lines]),
               "surest": surest([line.alone for line in lines]),
               "surest_mixed": surest([line.mixed for line in lines]),
               "places": [asdict(line) for line in lines]}
    answer(json, figures, lambda: _show(figures))


def _show(figures: Mapping[str, Any]) -> None:
    lines = [*figures["packages"], {"package": "all", **figures["all"]}]
    table([{
        "package": row["package"], "carets": row["carets"], "right %": row["right"], "with": row["right_mixed"],
        "95 %": "{} ... {}".format(*row["interval"]), "gained : lost": f"{row['gained']} : {row['lost']}",
    } for row in lines], f"first lines, {figures['model']}")
    table([{
        "package": row["package"], "tokens": row["tokens"], "nats": row["nats"], "with": row["nats_mixed"],
        "top-1 %": row["top1"], "top-1 with": row["top1_mixed"],
    } for row in figures["packages"]], "plain text")
    table([{
        "package": row["package"], "us a token": row["microseconds_a_token"], "bytes a token": row["bytes_a_token"],
        "kept of 10,000 such files": row["kept_of_10000_files"],
        "us to build a token": row["microseconds_to_build_a_token"],
    } for row in figures["packages"]], "cost")
    table([{
        "confidence": alone["threshold"], "offered": f"{alone['offered']:.1%}", "right": f"{alone['right']:.1%}",
        "with: offered": f"{mixed['offered']:.1%}", "right ": f"{mixed['right']:.1%}",
        "right ones kept": f"{mixed['right_kept']:.1%}",
    } for alone, mixed in zip(figures["thresholds"], figures["thresholds_mixed"], strict=True)], "confidence")
    table([{
        "surest": f"{alone['share']:.0%}", "from": f"{alone['confidence']:.4f}", "right": f"{alone['right']:.1%}",
        "with: from": f"{mixed['confidence']:.4f}", "right ": f"{mixed['right']:.1%}",
    } for alone, mixed in zip(figures["surest"], figures["surest_mixed"], strict=True)], "of the surest places")
