"""``kvlsp evaluate edits``: what repair keeps of full recomputation's quality, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from kvlsp.cli.options import JsonOption, with_model_options
from kvlsp.cli.progress import bar, opened
from kvlsp.config import Settings
from kvlsp.laboratory.commands.choices import with_part
from kvlsp.laboratory.commands.tables import answer, wide_console


@with_model_options(dtype="float32")
def edits(
    settings: Settings,
    quick: Annotated[bool, typer.Option("--quick", help="A small sample that comes along; under 3 minutes.")] = False,
    versions: Annotated[
        str, typer.Option(help="Folder with wheels of the packages; 'fetch' lets pip download them.")
    ] = "",
    cases: Annotated[int, typer.Option(help="Documents of the largest setting; 0: the usual number.")] = 0,
    tokens: Annotated[int, typer.Option(help="About how many tokens a document has; 0: the usual number.")] = 0,
    only: Annotated[str, typer.Option(help="Only settings with this in their name: 'one hunk', 'plain' ...")] = "",
    budget: Annotated[int, typer.Option(help="How many stale rows pie_repair encodes with every edit.")] = 80,
    renames: Annotated[int, typer.Option(help="Places of the rename probe; -1: the usual number.")] = -1,
    plot: Annotated[Path | None, typer.Option(help="Draw quality against milliseconds into this PNG file.")] = None,
    seed: Annotated[int, typer.Option(help="Which cases are drawn.")] = 0,
    json: JsonOption = False,
) -> None:
    """Compare ways to repair a cache on real edits: how near to full recomputation, and at what cost."""
    from platformdirs import user_cache_path

    from kvlsp.cache.worth import worthiest
    from kvlsp.laboratory.evaluation import edits as measuring
    from kvlsp.laboratory.evaluation.edits_plot import draw
    from kvlsp.laboratory.evaluation.edits_suite import settings as suite_of
    from kvlsp.laboratory.evaluation.edits_versions import fetch, released, sampled
    from kvlsp.laboratory.evaluation.plotting import require
    from kvlsp.laboratory.evaluation.rename import places, probe

    if plot is not None:
        require()
    loaded = opened(settings)
    folder = fetch(user_cache_path("kvlsp") / "versions") if versions == "fetch" else Path(versions)
    revisions = released(folder) if versions else sampled()
    suite = suite_of(loaded, revisions, characters=int(3.6 * (tokens or (700 if quick else 1500))),
                     cases=cases or (10 if quick else 40), quick=quick, seed=seed)
    chosen = with_part(only, [setting.name for setting in suite], "setting")
    suite = [setting for setting in suite if setting.name in chosen]
    with bar("edits", sum(len(setting.cases) for setting in suite)) as advance:
        tables = measuring.evaluate(loaded, suite, choose=worthiest(budget), advance=advance)
    wanted = renames if renames >= 0 else 12 if quick else 100
    found = {}
    if wanted:
        with bar("renames", wanted) as advance:
            found = probe(loaded, places(revisions, 800, seed), wanted, advance=advance)
    if plot is not None:
        draw(tables, plot)
    figures = {"model": loaded.description, "positions": measuring.positions(tables), "budget": budget,
               "settings": tables, "rename_probe": found}
    answer(json, figures, lambda: _show(tables, found))


def _show(tables: Sequence[Mapping[str, Any]], renames: Mapping[str, float]) -> None:
    from rich.table import Table

    console = wide_console()
    for table in tables:
        shown = Table("policy", "KL/token", "median", "top-1 %", "matters", "exact %", "vs full", "similar", "keys",
                      "tokens", "ms",
                      title=f"{table['name']}: {table['cases']} documents of {table['document_tokens']} tokens, "
                            f"{table['positions']} positions")
        for name, one in table["policies"].items():
            low, high = one["exact_match_to_full"]
            matters = one["where_it_matters"]
            shown.add_row(
                name, f"{one['kl']:.6f}", f"{one['kl_median_document']:.6f}", f"{one['top1_agreement']:.2f}",
                f"{matters['top1_agreement']:.1f} ({matters['positions']})", f"{one['exact_match']:.1f}",
                f"{low:+.1f} {high:+.1f}", f"{one['edit_similarity']:.1f}", f"{one['key_cosine']:.4f}",
                f"{one['encoded_tokens']:.1f}", f"{one['ms']:.1f}",
            )
        console.print(shown)
        if table["floor_kl"]:
            console.print(f"Rounding alone (other chunks, other slots) makes a KL of {table['floor_kl']:.6f}.")
    if renames and not renames["places"]:
        console.print("The rename probe found no place: the model does not say the names that stand before the caret.")
    elif renames:
        shares = ", ".join(f"{name} {100 * share:.1f} %" for name, share in renames.items()
                           if name not in ("places", "most_encoded"))
        places, most = renames["places"], renames["most_encoded"]
        console.print(f"The new name after a rename ({places} places, at most {most} tokens encoded): {shares}")
