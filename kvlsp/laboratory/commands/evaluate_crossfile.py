"""``kvlsp evaluate crossfile``: what other files are worth to a model, and what of it chunk caches keep."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from kvlsp.cli.options import JsonOption, with_model_options
from kvlsp.cli.progress import bar, opened
from kvlsp.config import Settings
from kvlsp.laboratory.commands.choices import with_part
from kvlsp.laboratory.commands.tables import answer, wide_console

_CHARACTERS_PER_TOKEN = 3.6


@with_model_options(dtype="float32")
def crossfile(
    settings: Settings,
    packages: Annotated[str, typer.Option(
        help="Folder with wheels of held-out packages; 'fetch' lets pip download them; if left out, those installed.",
        show_default=False)] = "",
    cases: Annotated[int, typer.Option(help="How many lines of each setting.", min=1)] = 32,
    only: Annotated[str, typer.Option(help="Only settings with this in their name: 'first', 'member' ...")] = "",
    policy: Annotated[str, typer.Option(
        help="Besides none and full, only policies with this in their name: 'chunks', 'repair' ...")] = "",
    tokens: Annotated[int, typer.Option(help="About how many tokens a document has at most.", min=100)] = 900,
    context: Annotated[int, typer.Option(help="How many tokens of context at most.", min=1)] = 1500,
    budget: Annotated[int, typer.Option(help="How many stale rows are encoded again at once.", min=0)] = 64,
    first: Annotated[int, typer.Option(help="How many rows of each chunk chunks_epic encodes again.", min=0)] = 16,
    lookups: Annotated[int, typer.Option(help="For how many first uses retrieval is judged.", min=0)] = 300,
    copying: Annotated[int, typer.Option(
        help="Lines for the loss of a name behind its definition, by distance; 0: none.", min=0)] = 40,
    seed: Annotated[int, typer.Option(help="Which lines are drawn.")] = 0,
    json: JsonOption = False,
) -> None:
    """Complete lines that need a name of another file: without context, with it, and with chunk caches."""
    from platformdirs import user_cache_path

    from kvlsp.laboratory.evaluation import crossfile as measuring
    from kvlsp.laboratory.evaluation.crossfile_cases import KINDS, drawn
    from kvlsp.laboratory.evaluation.crossfile_cases import cases as all_cases
    from kvlsp.laboratory.evaluation.crossfile_copying import curves
    from kvlsp.laboratory.evaluation.crossfile_packages import indexed, installed, released
    from kvlsp.laboratory.evaluation.edits_versions import fetch
    from kvlsp.laboratory.training.corpus import default_folders

    kinds, policies = with_part(only, KINDS, "setting"), with_part(policy, measuring.POLICIES, "policy")
    loaded = opened(settings)
    folder = fetch(user_cache_path("kvlsp") / "versions") if packages == "fetch" else Path(packages)
    with indexed(released(folder) if packages else installed(default_folders())) as indices:
        found = [case for package in indices for case in all_cases(package, int(tokens * _CHARACTERS_PER_TOKEN))]
        chosen = {kind: lines for kind, lines in drawn(found, cases, seed).items() if kind in kinds}
        with bar("lines", sum(map(len, chosen.values()))) as advance:
            tables = measuring.evaluate(loaded, indices, chosen, tokens=context, budget=budget, first=first,
                                        policies=policies, advance=advance)
        report: dict[str, Any] = {
            "model": loaded.description, "packages": [package.name for package in indices], "budget": budget,
            "settings": {kind: table.figures() for kind, table in tables.items() if table.context_tokens},
            "retrieval": measuring.retrieval(indices, drawn(found, lookups, seed)["first_use"]),
        }
        if copying:
            lines = drawn(found, copying, seed)["first_use"]
            with bar("copying", len(lines)) as advance:
                report["copying"] = curves(loaded, indices, lines, advance=advance)
    answer(json, report, lambda: _show(report))


def _show(report: Mapping[str, Any]) -> None:
    from rich.table import Column, Table

    console = wide_console()
    for kind, setting in report["settings"].items():
        shown = Table(
            Column("policy", no_wrap=True), "exact %", "similar", "recall %", "spelt %", "of it %", "name loss",
            "gain (95 %)", "kept", "KL to full", "effect", "tokens", "ms", "placed",
            title=f"{kind.replace('_', ' ')}: {setting['cases']} lines, documents of {setting['document_tokens']} "
                  f"tokens, context of {setting['context_tokens']}",
        )
        for name, one in setting["policies"].items():
            mean, low, high = one["name_loss_gain"]
            kept, effect = one["name_loss_kept"], one["effect_kept"]
            shown.add_row(
                name, f"{one['exact_match']:.1f}", f"{one['edit_similarity']:.1f}", f"{one['name_recall']:.1f}",
                f"{one['name_spelt']:.1f}", f"{one['name_tokens']:.1f}", f"{one['name_loss']:.3f}",
                f"{mean:+.3f} ({low:+.3f} {high:+.3f})",
                f"{100 * kept[0]:.0f} %" if kept else "-", f"{one['kl_to_full']:.5f}",
                f"{100 * effect:.1f} %" if effect is not None else "-", f"{one['encoded_tokens']:.0f}",
                f"{one['ms']:.1f}", f"{one['ms_once_placed']:.1f}",
            )
        console.print(shown)
    found = report["retrieval"]
    console.print(f"Retrieval, {found['cases']} first uses: a defining file is in the first three chunks for "
                  f"{100 * found['defining_file_in_first_3']:.1f} %, in any for "
                  f"{100 * found['defining_file_in_all']:.1f} %.")
    for kind, rows in report.get("copying", {}).items():
        if not rows:
            continue
        shares = ", ".join(f"{distance} tokens {mean:+.3f} ({low:+.3f} {high:+.3f})"
                           for distance, (mean, low, high) in rows.items())
        console.print(f"Nats per token of a name that {kind.replace('_', ' ')} saves, by distance: {shares}")
